"""What the supervisor is told from above: how many processes, and what each of them shall run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pfork.config import ProcessSettings
from pfork.control import Seat


@dataclass(frozen=True, slots=True)
class Plan:
    """One load of the settings: what a generation of workers is made from.

    ``name`` is for process titles. ``worker_main`` runs in a forked child and returns its exit code.
    """

    name: str
    processes: ProcessSettings
    worker_main: Callable[[Seat], int]


class Blueprint(Protocol):
    """What the supervisor asks of whoever knows settings and sockets."""

    def check(self) -> dict[str, Any]:
        """In a child: load the configuration anew. Plain data that survives JSON. Raises PforkError."""

    def stage(self, plain: dict[str, Any]) -> Plan:
        """In the arbiter: take what ``check`` found, open what is new. Raises PforkError, having changed nothing."""

    def commit(self) -> None:
        """The staged plan serves: let go of what only the old one needed."""

    def rollback(self) -> None:
        """The staged plan is given up: let go of what only it needed."""

    def gate(self) -> float:
        """The server is about to stop: let no new client in. Returns how many seconds later to stop listening."""

    def stop_listening(self) -> None:
        """No worker will be started any more: close the sockets."""

    def reopen_logs(self) -> None:
        """The log files were rotated."""
