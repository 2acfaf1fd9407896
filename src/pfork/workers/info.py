"""What an app may know of the worker that calls it."""

from __future__ import annotations

from pfork.scoreboard import SlotWriter
from pfork.workers.interface import Kind


class WorkerInfo:
    """What an app finds under ``pfork.worker``: in the environ of WSGI, in the scope's extensions of ASGI.

    Attributes:
        number: counts from 1, and is the worker's name in logs.
        generation: which load of app and settings it serves.
        kind: "sync", "thread" or "async".
        pid: its process.
        started: seconds since the epoch.
    """

    __slots__ = ("_slot", "generation", "kind", "number", "pid", "started")

    def __init__(self, number: int, generation: int, kind: Kind, pid: int, started: float, slot: SlotWriter) -> None:
        self.number = number
        self.generation = generation
        self.kind = kind
        self.pid = pid
        self.started = started
        self._slot = slot

    @property
    def requests(self) -> int:
        """Requests that this worker has answered so far."""
        return self._slot.requests
