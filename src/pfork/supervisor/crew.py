"""The doing half of the supervisor: performs actions on processes, hears what they report, reaps them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import replace

from pfork.base import ExitStatus, Posix, ns
from pfork.control import BootFailed, Drain, MessageError, Order, Quit, Report, decode, encode
from pfork.scoreboard import Scoreboard, State
from pfork.supervisor import signals, vigil
from pfork.supervisor.actions import Retire
from pfork.supervisor.plan import Plan
from pfork.supervisor.reconcile import Facts
from pfork.supervisor.spawn import spawn_worker
from pfork.supervisor.table import Table, Worker
from pfork.supervisor.wakeup import Wakeup

log = logging.getLogger("pfork.error")

QUICK_NS = ns(2)
"""How long a dismissed worker may take to exit; Gunicorn's quick stop gives as much."""

KILL_AGAIN_NS = ns(1)
"""A killed process that is still there (in an uninterruptible system call) is killed again so often."""


class Crew:
    """The worker processes and the arbiter's lines to them."""

    def __init__(self, board: Scoreboard, posix: Posix, wakeup: Wakeup) -> None:
        self.table = Table(board)
        self._board = board
        self._posix = posix
        self._wakeup = wakeup
        self._last_failure = ""

    def spawn(self, plan: Plan, generation: int, now_ns: int, close: Callable[[], None]) -> None:
        """Start a worker. Raises OSError when the system refuses; the slot is free again then."""
        boot_ns = ns(plan.processes.boot_timeout)
        facts: Facts = self.table.claim(generation, now_ns, now_ns + boot_ns if boot_ns else 0)
        try:
            worker = spawn_worker(self._posix, plan, facts, close)
        except OSError:
            self._board.release(facts.slot)
            raise
        self.table.add(worker)
        self._wakeup.watch(worker.channel.fileno())

    def order(self, worker: Worker, order: Order) -> None:
        """Tell a worker. One that cannot be told is about to exit or does not listen: its deadline stands."""
        try:
            worker.channel.send(encode(order))
        except OSError:
            pass

    def order_all(self, order: Order) -> None:
        for worker in self.table:
            self.order(worker, order)

    def retire(self, action: Retire) -> None:
        worker = self.table[action.slot]
        self.table.enter(worker, State.DRAINING, action.deadline_ns)
        self._board.order_drain(action.slot)
        self.order(worker, Drain(action.deadline_ns, action.empty_backlog))

    def announce_stop(self) -> None:
        """Let every response say ``Connection: close`` from now on, though the workers go on for a moment."""
        for worker in self.table:
            self._board.order_drain(worker.slot)

    def dismiss(self, slot: int, now_ns: int) -> None:
        worker = self.table[slot]
        self.table.enter(worker, State.DYING, now_ns + QUICK_NS)
        self.order(worker, Quit())

    def abandon(self, slot: int, plan: Plan, now_ns: int) -> None:
        """A stuck worker: have its stacks written, say what it was doing, and end it a moment later.

        Requests that other threads of it are still at get the time of a graceful stop.
        """
        worker = self.table[slot]
        view = self._board.read(slot)
        grace_ns = vigil.DUMP_NS * 2
        if worker.facts.state is State.STARTING:
            worker.why = f"boot_timeout: not ready after {plan.processes.boot_timeout:g} s"
        elif worker.kind == "async":
            worker.why = f"timeout: its event loop was blocked for {plan.processes.timeout:g} s"
        else:
            worker.why = f"timeout: a request took more than {plan.processes.timeout:g} s"
            if view.active > 1:
                grace_ns = ns(plan.processes.graceful_timeout)
        log.critical("%s %s%s", worker.identity, worker.why, vigil.in_progress(view, now_ns))
        self._posix.kill(worker.pid, signals.DUMP_SIGNAL)
        self._board.order_drain(slot)
        self.order(worker, Drain(now_ns + grace_ns))
        worker.was_starting = worker.facts.state is State.STARTING
        self.table.enter(worker, State.DYING, now_ns + grace_ns)
        worker.facts = replace(worker.facts, collect_ns=now_ns + vigil.DUMP_NS)

    def collect(self, worker: Worker) -> None:
        """Log the stacks that a stuck worker has written."""
        worker.facts = replace(worker.facts, collect_ns=0)
        stacks = vigil.collect_stacks(worker.dump_fd)
        log.critical("%s stacks:\n%s", worker.identity, stacks or "(none: it is stopped, or in a system call)")

    def kill(self, slot: int, now_ns: int) -> None:
        worker = self.table[slot]
        if worker.facts.state is State.DRAINING:
            worker.why = "graceful_timeout is over"
            requests = vigil.in_progress(self._board.read(slot), now_ns)
            log.warning("%s cut: %s%s", worker.identity, worker.why, requests)
        self._posix.kill(worker.pid, signal.SIGKILL)
        self.table.enter(worker, State.DYING, now_ns + KILL_AGAIN_NS)

    def mark_stuck(self, timeout_ns: int, now_ns: int) -> None:
        """Look for ready workers that make no progress; twice, see vigil.CONFIRM_NS."""
        for worker in self.table:
            if worker.facts.state is State.READY:
                suspect = vigil.overdue(self._board.read(worker.slot), timeout_ns, now_ns)
                if suspect is not None and suspect == worker.suspect:
                    worker.facts = replace(worker.facts, stuck=True)
                worker.suspect = suspect

    def hear(self, worker: Worker) -> list[Report]:
        """What a worker has reported. An ended stream: it exits, or its app has closed all descriptors."""
        reports: list[Report] = []
        while not worker.is_mute:
            try:
                packet = worker.channel.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self._wakeup.forget(worker.channel.fileno())
                worker.is_mute = True
                break
            try:
                message = decode(packet)
            except MessageError as error:
                log.warning("%s %s", worker.identity, error)
                continue
            if isinstance(message, Report):
                reports.append(message)
        return reports

    def ended(self) -> list[tuple[Worker, ExitStatus]]:
        """The workers that have ended since the last time; each still in the table, for its last words."""
        found = []
        for worker in self.table:
            status = self._posix.reap(worker.pid)
            if status is not None:
                found.append((worker, status))
        while self._posix.reap_stranger(self.table.pids) is not None:
            pass  # a checker, or a grandchild that we inherited as PID 1
        return found

    def bury(self, worker: Worker, status: ExitStatus, now_ns: int) -> None:
        """Log a worker's end, an error if nobody wanted it, and free its slot."""
        view = self._board.read(worker.slot)
        age = (now_ns - worker.facts.started_ns) / 1e9
        why = f"; {worker.why}" if worker.why else ""
        line = f"{worker.identity} exited: {status} after {age:.1f} s, {view.requests} requests{why}"
        level = logging.ERROR if worker.is_expected_to_live else logging.INFO
        log.log(level, "%s%s", line, vigil.in_progress(view, now_ns))
        if not worker.is_mute:
            self._wakeup.forget(worker.channel.fileno())
        self.table.remove(worker)

    def log_boot_failure(self, worker: Worker, failure: BootFailed) -> None:
        """Why a worker could not start; the same traceback is told once."""
        if failure.text == self._last_failure:
            log.error("%s could not start, for the same reason as the last one", worker.identity)
        else:
            log.error("%s could not start (%s): %s", worker.identity, failure.step, failure.text)
        self._last_failure = failure.text
