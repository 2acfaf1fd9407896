"""The bridge: turns settings into sockets, logs, a scoreboard and an arbiter whose workers run ``worker_main``.

What is imported before the fork is shared by all workers; what a worker imports itself is its own, and more than that,
since to import is to touch much of what was shared. So the common life of a worker, the WSGI gateway and the sync kind
are imported here (2 MB less for each worker, less than one more for the arbiter). The other kinds are not, nor the
parser and the event loop.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

import pfork
import pfork.wsgi  # imported here to be shared, see the module
from pfork import workers
from pfork.base import SystemClock, SystemPosix
from pfork.config import Loaded, Settings, changes, from_plain, to_plain
from pfork.control import Seat
from pfork.scoreboard import Scoreboard
from pfork.sockets import GATE_S, Listener, open_all
from pfork.supervisor import Arbiter, Plan
from pfork.telemetry import AccessLog, reopen_logs, setup_logs
from pfork.workers import Assignment

log = logging.getLogger("pfork.error")

SLOTS = 256
"""Places on the scoreboard. A reload needs twice the workers, and draining ones hold a place too; untouched places cost
no memory."""

LANES = 32
"""Requests of one worker that the scoreboard can name at the same time."""


def serve(loaded: Loaded, reload: Callable[[], Loaded]) -> int:
    """Serve with these settings until told to stop. Returns the exit code.

    ``reload`` loads the settings anew and raises ConfigError when they are broken; it is only called in a child.
    Raises ConfigError or BindError when the server cannot start.
    """
    settings = loaded.settings
    setup_logs(settings.logs)
    AccessLog.check(settings.logs)
    log.info("pfork %s starting: %s", pfork.__version__, settings.app.wsgi_app)
    for warning in loaded.warnings:
        log.warning("%s", warning)
    deployment = Deployment(settings, reload)
    try:
        arbiter = Arbiter(
            deployment.plan(settings, deployment.listeners),
            deployment,
            deployment.board,
            posix=SystemPosix(),
            clock=SystemClock(),
        )
        # What is there before the fork is kept from the collector, which would write to every page of it.
        gc.collect()
        gc.freeze()
        return arbiter.run()
    finally:
        deployment.stop_listening()


class Deployment:
    """What is open for one server - sockets and the scoreboard - and how that follows the settings.

    It is the supervisor's Blueprint.
    """

    def __init__(self, settings: Settings, reload: Callable[[], Loaded]) -> None:
        """Raises BindError."""
        self._settings = settings
        self._reload = reload
        self._staged: tuple[Settings, tuple[Listener, ...]] | None = None
        self.listeners = open_all(settings.binding)
        self.board = Scoreboard(
            slots=max(SLOTS, 2 * settings.processes.workers + 2),
            lanes=max(LANES, settings.processes.threads),
        )
        for listener in self.listeners:
            log.info("listening at %s", listener)

    def plan(self, settings: Settings, listeners: tuple[Listener, ...]) -> Plan:
        """How a generation of workers with these settings is made."""

        def worker_main(seat: Seat) -> int:
            return workers.worker_main(
                Assignment(
                    seat=seat,
                    listeners=listeners,
                    slot=self.board.writer(seat.slot, is_shared=settings.processes.threads > 1),
                    app=settings.app,
                    processes=settings.processes,
                    http=settings.http,
                    logs=settings.logs,
                )
            )

        name = settings.processes.proc_name or settings.app.wsgi_app or "?"
        return Plan(name, settings.processes, worker_main)

    def check(self) -> dict[str, Any]:
        loaded = self._reload()
        setup_logs(loaded.settings.logs)  # of this child only: can they be opened?
        AccessLog.check(loaded.settings.logs)
        return {"settings": to_plain(loaded.settings), "warnings": list(loaded.warnings)}

    def stage(self, plain: dict[str, Any]) -> Plan:
        settings = from_plain(plain["settings"])
        for warning in plain["warnings"]:
            log.warning("%s", warning)
        for change in changes(self._settings, settings):
            log.info("reload: %s", change)
        old = {listener.address: listener for listener in self.listeners}
        added = [address for address in settings.binding.bind if address not in old]
        opened = {listener.address: listener for listener in open_all(settings.binding, only=added)}
        for listener in opened.values():
            log.info("listening at %s", listener)
        listeners = tuple((old | opened)[address] for address in settings.binding.bind)
        self._staged = (settings, listeners)
        return self.plan(settings, listeners)

    def commit(self) -> None:
        assert self._staged
        dropped = [listener for listener in self.listeners if listener not in self._staged[1]]
        self._settings, self.listeners = self._staged
        self._staged = None
        setup_logs(self._settings.logs)
        for listener in dropped:
            log.info("no longer listening at %s", listener)
            listener.close(unlink=True)

    def rollback(self) -> None:
        assert self._staged
        for listener in self._staged[1]:
            if listener not in self.listeners:
                listener.close(unlink=True)
        self._staged = None

    def gate(self) -> float:
        takes_time = [listener.gate() for listener in self.listeners]
        return GATE_S if any(takes_time) else 0.0

    def stop_listening(self) -> None:
        for listener in self.listeners:
            listener.close(unlink=True)

    def reopen_logs(self) -> None:
        reopen_logs()


def check_app(settings: Settings) -> None:
    """Load the app as a worker would, and see whether a worker kind fits. Raises PforkError."""
    workers.check_app(settings.app, settings.processes)
