"""What an app may know of the worker that calls it."""

from __future__ import annotations

from dataclasses import dataclass

from pfork.scoreboard import SlotWriter
from pfork.workers.interface import Kind


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """``environ["pfork.worker"]`` of WSGI, ``scope["extensions"]["pfork.worker"]``'s source of ASGI.

    ``number`` counts from 1 and is the worker's name in logs; ``kind`` is "sync", "thread" or "async";
    ``started`` is in seconds since the epoch.
    """

    number: int
    generation: int
    kind: Kind
    pid: int
    started: float
    _slot: SlotWriter

    @property
    def requests(self) -> int:
        """Requests that this worker has answered so far."""
        return self._slot.requests
