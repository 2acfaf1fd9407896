"""What the supervisor hands to a worker: the two towers meet here."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seat:
    """A worker's place.

    ``slot`` is its row of the scoreboard, ``number`` - the same, counted from 1 - its name for people.
    ``channel`` is the worker's end of its socket pair, non-blocking.
    ``dump_fd`` is the memory file that takes the Python stacks when the arbiter asks for them with ``dump_signal``.
    """

    slot: int
    generation: int
    channel: socket.socket
    dump_fd: int
    dump_signal: int

    @property
    def number(self) -> int:
        return self.slot + 1

    def identity(self, pid: int) -> str:
        """``worker=1 gen=2 pid=42``, as in every log line."""
        return identity(self.slot, self.generation, pid)


def identity(slot: int, generation: int, pid: int) -> str:
    """The one way a worker is named in logs."""
    return f"worker={slot + 1} gen={generation} pid={pid}"
