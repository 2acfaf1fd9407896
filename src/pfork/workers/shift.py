"""What a worker kind needs to serve: its assignment, its app, and its ear for the arbiter.

The records of this room are named tuples: each dataclass would cost every worker 20 to 30 kB of memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pfork.config import AppSettings, HttpSettings, LogSettings, ProcessSettings
from pfork.control import Seat
from pfork.scoreboard import SlotWriter
from pfork.sockets import Listener
from pfork.telemetry import AccessLog
from pfork.workers.ear import Ear
from pfork.workers.info import WorkerInfo

DRAIN_GRACE_S = 1.0
"""How long an idle kept-alive connection of a draining worker is still read: a request that crosses the close
on its way is answered. More than a round trip; short enough not to be noticed in a stop."""


class Assignment(NamedTuple):
    """All that a worker is given at its start."""

    seat: Seat
    listeners: tuple[Listener, ...]
    slot: SlotWriter
    app: AppSettings
    processes: ProcessSettings
    http: HttpSettings
    logs: LogSettings


class Shift(NamedTuple):
    """A loaded app and everything around it, ready to be served by one worker kind.

    ``interface`` is "wsgi" or "asgi". ``info`` is what the app may know of its worker (``pfork.worker``).
    ``ready`` is called by the kind once it can take connections.
    """

    assignment: Assignment
    application: Any
    interface: str
    info: WorkerInfo
    ear: Ear
    access_log: AccessLog | None
    ready: Callable[[], None]


Serve = Callable[[Shift], None]
"""A worker kind: serves until it has drained, then returns. Raises BootError when the app does not start."""
__all__ = ["DRAIN_GRACE_S", "Assignment", "Serve", "Shift"]
