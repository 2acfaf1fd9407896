"""The life of a worker: from the fork to its exit code, the same for all kinds.

Identity and title; signals; access log; privileges; the app's environment; the app; its interface and kind;
READY; serving; the end. Whatever fails before READY is reported as BootFailed, with the step at which it
happened.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import time
from typing import Any, NamedTuple

from setproctitle import setproctitle

from pfork.base import AppTargetError, Exit, PforkError
from pfork.config import AppSettings, ProcessSettings
from pfork.control import BootFailed, WorkerReady
from pfork.telemetry import AccessLog, reopen_logs, set_identity
from pfork.workers import environment, privileges
from pfork.workers.appload import load_app
from pfork.workers.ear import Channel, Ear
from pfork.workers.failures import boot_failure_text
from pfork.workers.info import WorkerInfo
from pfork.workers.interface import Interface, Kind, detect, pick_kind
from pfork.workers.kinds import find_serve
from pfork.workers.shift import Assignment, Shift
from pfork.workers.signals import SignalPipe

log = logging.getLogger("pfork.error")

CRASHED = 1
"""The exit code after a fault of pfork itself, as Python's own."""


def worker_main(assignment: Assignment) -> int:
    """Be a worker until the end. Returns its exit code; raises nothing.

    Call it in a process of its own, in the main thread, where ``assignment.seat.channel`` leads to the
    arbiter.
    """
    try:
        return _Life(assignment).run()
    except BaseException:  # the border of the worker: its fault is told, and the arbiter replaces it
        log.critical("the worker failed", exc_info=True)
        return CRASHED


def check_app(app: AppSettings, processes: ProcessSettings) -> None:
    """Load an app as a worker would, and see whether there is a kind for it. It changes this process as a
    worker's start does, but for user and group.

    Raises:
        PforkError: what ``worker_main`` would report.
    """
    _load(app, processes, environment.enter(app))


class _Loaded(NamedTuple):
    """An app, and what it turned out to be."""

    application: Any
    interface: Interface
    kind: Kind


def _load(app: AppSettings, processes: ProcessSettings, directories: tuple[str, ...]) -> _Loaded:
    target = app.wsgi_app
    if target is None:
        raise AppTargetError("no app", hint="name it: pfork module:attribute")
    application = load_app(target, directories)
    interface = detect(application, target)
    kind = pick_kind(processes.worker_class, processes.threads, interface, target)
    return _Loaded(application, interface, kind)


class _Life:
    """One worker, and how far it has come."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._channel = Channel(assignment.seat.channel)
        self._step = "start"
        self._is_ready = False
        self._access_log: AccessLog | None = None

    def run(self) -> int:
        try:
            shift = self._boot(self._prepare())
            order = shift.ear.listen()
            if shift.ear.is_orphaned:
                return Exit.ORPHAN
            if order is None:
                self._step = "start"
                find_serve(shift.info.kind)(shift)
        except BaseException as error:  # the border of the boot: told to the arbiter, or raised again
            if self._is_ready:
                raise
            return self._fail(error)
        finally:
            if self._access_log is not None:
                self._access_log.flush()
        return Exit.OK

    def _prepare(self) -> SignalPipe:
        """What concerns the process alone."""
        assignment = self._assignment
        seat = assignment.seat
        # What was inherited from the arbiter stays shared with it: the collector would write to every page of
        # it.
        gc.freeze()
        set_identity(seat.identity(os.getpid()))
        name = assignment.processes.proc_name or assignment.app.wsgi_app
        setproctitle(f"pfork: worker {seat.number} gen {seat.generation} [{name}]")
        signals = SignalPipe()
        signals.install(spare=seat.dump_signal)
        faulthandler.register(seat.dump_signal, file=seat.dump_fd, all_threads=True)
        return signals

    def _boot(self, signals: SignalPipe) -> Shift:
        """All that is the same for every kind. Raises whatever goes wrong, most of it as PforkError."""
        assignment = self._assignment
        seat, processes = assignment.seat, assignment.processes
        self._step = "logs"  # before the privileges go: the file may be root's
        self._access_log = AccessLog.open(assignment.logs)
        self._step = "privileges"
        privileges.drop(processes.user, processes.group)
        self._step = "environment"
        directories = environment.enter(assignment.app)
        self._step = "import"
        loaded = _load(assignment.app, processes, directories)
        assignment.slot.set_kind(loaded.kind)
        ear = Ear(
            self._channel,
            signals,
            graceful_timeout=processes.graceful_timeout,
            reopen_logs=self._reopen_logs,
        )
        info = WorkerInfo(seat.number, seat.generation, loaded.kind, os.getpid(), time.time(), assignment.slot)
        return Shift(
            assignment=assignment,
            application=loaded.application,
            interface=loaded.interface,
            info=info,
            ear=ear,
            access_log=self._access_log,
            ready=lambda: self._tell_ready(loaded),
        )

    def _tell_ready(self, loaded: _Loaded) -> None:
        # The app will live as long as the worker: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        self._is_ready = True
        self._channel.send(WorkerReady(loaded.kind, loaded.interface))

    def _fail(self, error: BaseException) -> int:
        code = error.exit_code if isinstance(error, PforkError) else Exit.BOOT
        self._channel.send(BootFailed(self._step, int(code), boot_failure_text(error)))
        return int(code)

    def _reopen_logs(self) -> None:
        reopen_logs()
        if self._access_log is not None:
            self._access_log.reopen()
