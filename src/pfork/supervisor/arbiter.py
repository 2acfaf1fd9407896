"""The arbiter: waits for events until the next deadline, applies each to the tables, asks reconcile, does what it says.

It runs no code of the application, has one thread, and never waits anywhere else.
"""

from __future__ import annotations

import logging
import signal
from dataclasses import replace

from setproctitle import setproctitle

from pfork.base import NS_PER_S, Clock, Exit, ExitStatus, PforkError, Posix, ns
from pfork.control import BootFailed, Command, ReopenLogs, Report, WorkerReady
from pfork.scoreboard import Scoreboard, State
from pfork.supervisor import signals, vigil
from pfork.supervisor.actions import Abandon, Action, Collect, Dismiss, Kill, Retire, Spawn, StopListening
from pfork.supervisor.crew import QUICK_NS, Crew
from pfork.supervisor.pidfile import Pidfile
from pfork.supervisor.plan import Blueprint, Plan
from pfork.supervisor.reconcile import Desired, Observed, Stop, is_settled, next_deadline_ns, reconcile
from pfork.supervisor.reload import Phase, Reloader
from pfork.supervisor.restarts import Restarts
from pfork.supervisor.table import Worker
from pfork.supervisor.wakeup import Wakeup

log = logging.getLogger("pfork.error")


class Arbiter:
    """Supervises the workers of one server, from its start to its end."""

    def __init__(self, plan: Plan, blueprint: Blueprint, board: Scoreboard, *, posix: Posix, clock: Clock) -> None:
        """Raises ConfigError when the pidfile cannot be had."""
        self._blueprint = blueprint
        self._board = board
        self._clock = clock
        self._plans = {1: plan}
        self._desired = self._desire(1, plan.processes.workers)
        self._wakeup = Wakeup(clock)
        self._crew = Crew(board, posix, self._wakeup)
        self._restarts = Restarts()
        self._reloader = Reloader(posix, blueprint)
        self._exit_code = Exit.OK
        self._is_listening = True
        self._was_ready = False
        self._announced = 0
        self._pidfile = Pidfile(plan.processes.pidfile) if plan.processes.pidfile else None

    def run(self) -> int:
        """Serve until told to stop. Returns the exit code of the server."""
        setproctitle(f"pfork: arbiter [{self._plan.name}]")
        self._wakeup.listen_to_signals()
        signals.install()
        try:
            while True:
                self._reconcile()
                if self._desired.stop is not None and not len(self._crew.table):
                    break
                self._take_events()
        finally:
            self._wakeup.close()
            if self._pidfile:
                self._pidfile.remove()
        log.info("stopped")
        return int(self._exit_code)

    # What is wanted, and what there is

    @property
    def _plan(self) -> Plan:
        return self._plans[self._desired.generation]

    def _desire(self, generation: int, workers: int) -> Desired:
        return Desired(generation, workers, ns(self._plans[generation].processes.graceful_timeout))

    def _observe(self, now_ns: int) -> Observed:
        table, restarts = self._crew.table, self._restarts
        burst = restarts.burst(now_ns, self._desired.workers)
        return Observed(table.facts, table.free_slots, restarts.spawn_at_ns, burst, self._is_listening)

    def _reconcile(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for action in reconcile(self._desired, self._observe(now_ns), now_ns):
            self._perform(action, now_ns)

    def _perform(self, action: Action, now_ns: int) -> None:
        match action:
            case Spawn(generation):
                self._spawn(generation, now_ns)
            case Retire():
                self._crew.retire(action)
            case Dismiss(slot):
                self._crew.dismiss(slot, now_ns)
            case Abandon(slot):
                self._crew.abandon(slot, self._plan, now_ns)
            case Collect(slot):
                self._collect(self._crew.table[slot])
            case Kill(slot):
                self._crew.kill(slot, now_ns)
            case StopListening():
                self._is_listening = False
                self._blueprint.stop_listening()

    def _spawn(self, generation: int, now_ns: int) -> None:
        try:
            self._crew.spawn(self._plans[generation], generation, now_ns, self._close_in_child)
        except OSError as error:
            delay = self._restarts.fork_failed(now_ns)
            log.error("cannot start a worker: %s; trying again in %g s", error.strerror, delay)

    def _collect(self, worker: Worker) -> None:
        """Log what an abandoned worker was doing. One that never was ready counts as a failed boot, and only now: the
        reason is complete."""
        self._crew.collect(worker)
        if worker.was_starting:
            self._boot_failed(worker, BootFailed("import", int(Exit.BOOT), worker.why))

    def _close_in_child(self) -> None:
        """What is the arbiter's alone. A worker that held any of it would hide the arbiter's death from the others."""
        self._wakeup.close_in_child()
        self._crew.table.close_in_child()
        self._reloader.close_in_child()
        if self._pidfile:
            self._pidfile.close_in_child()

    # Events

    def _take_events(self) -> None:
        numbers, readable = self._wakeup.wait(self._next_deadline_ns())
        for number in numbers:
            self._signal_received(number)
        for fd in readable:
            self._readable(fd)
        for worker, status in self._crew.ended():
            self._worker_exited(worker, status)
        timeout_ns = ns(self._plan.processes.timeout)
        if timeout_ns and self._desired.stop is None:
            self._crew.mark_stuck(timeout_ns, self._clock.monotonic_ns())
        self._look_after_reload()

    def _next_deadline_ns(self) -> int:
        now_ns = self._clock.monotonic_ns()
        times = [next_deadline_ns(self._desired, self._observe(now_ns)), self._reloader.deadline_ns]
        timeout_ns = ns(self._plan.processes.timeout)
        if timeout_ns and any(worker.facts.state is State.READY for worker in self._crew.table):
            suspects = any(worker.suspect for worker in self._crew.table)
            times.append(now_ns + (vigil.CONFIRM_NS if suspects else vigil.tick_ns(timeout_ns)))
        return min((time for time in times if time), default=0)

    def _signal_received(self, number: int) -> None:
        command = signals.command_of(number)
        if command is None:
            return
        name = signal.Signals(number).name
        if command in (Command.STOP, Command.QUIT):
            self._stop(name, graceful=command is Command.STOP)
        elif self._desired.stop is not None:
            log.info("%s ignored: stopping", name)
        elif command is Command.RELOAD:
            self._reload_asked()
        elif command is Command.REOPEN:
            self._blueprint.reopen_logs()
            self._crew.order_all(ReopenLogs())
            log.info("log files reopened")
        else:
            self._scale(1 if command is Command.SCALE_UP else -1)

    def _readable(self, fd: int) -> None:
        if self._reloader.is_answering(fd):
            if self._reloader.read():
                self._checked()
            return
        worker = self._crew.table.by_channel(fd)
        if worker is not None:
            self._hear(worker)

    def _hear(self, worker: Worker) -> None:
        for report in self._crew.hear(worker):
            self._reported(worker, report)

    def _reported(self, worker: Worker, report: Report) -> None:
        match report:
            case WorkerReady():
                if worker.facts.state is State.STARTING:
                    self._worker_ready(worker, report)
            case BootFailed():
                if worker.facts.state is State.STARTING:
                    worker.why = "it could not start"
                    self._crew.table.enter(worker, State.DYING, self._clock.monotonic_ns() + QUICK_NS)
                    self._boot_failed(worker, report)
            case _:
                log.info("%s is to be replaced: %s", worker.identity, report.reason)
                worker.facts = replace(worker.facts, condemned=True)

    def _worker_ready(self, worker: Worker, report: WorkerReady) -> None:
        worker.kind = report.kind
        worker.ready_ns = self._clock.monotonic_ns()
        took = (worker.ready_ns - worker.facts.started_ns) / NS_PER_S
        self._crew.table.enter(worker, State.READY)
        self._was_ready = True
        interface = report.interface.upper()
        log.info("%s ready: %s, %s, %.2f s", worker.identity, report.kind, interface, took)
        generation = worker.facts.generation
        if self._reloader.phase is Phase.ROLL and self._crew.table.count(generation, State.READY) == 1:
            old = self._reloader.before.generation
            log.info("reload: generation %d is ready, generation %d drains", generation, old)

    def _worker_exited(self, worker: Worker, status: ExitStatus) -> None:
        now_ns = self._clock.monotonic_ns()
        self._hear(worker)  # its last words
        if worker.facts.collect_ns:
            self._collect(worker)
        unplanned, was_starting = worker.is_expected_to_live, worker.facts.state is State.STARTING
        self._crew.bury(worker, status, now_ns)
        if unplanned and was_starting:
            text = f"{worker.identity} ended while it started: {status}"
            self._boot_failed(worker, BootFailed("import", int(Exit.BOOT), text))
        elif unplanned:
            self._died(worker, now_ns)

    def _boot_failed(self, worker: Worker, failure: BootFailed) -> None:
        """A worker did not become ready."""
        if self._desired.stop is not None:
            return
        if not self._was_ready:
            log.error("%s could not start: %s", worker.identity, failure.text)
            log.error("no worker was ever ready: giving up, exit code %d", failure.exit_code)
            self._exit_code = Exit(failure.exit_code)
            self._desired = replace(self._desired, stop=Stop(False, 0))
        elif self._is_on_trial(worker):
            self._roll_back(failure.text)
        else:
            self._crew.log_boot_failure(worker, failure)
            self._died(worker, self._clock.monotonic_ns())

    def _died(self, worker: Worker, now_ns: int) -> None:
        """A worker ended that nobody wanted to end."""
        if self._desired.stop is not None:
            return
        if self._is_on_trial(worker):
            self._roll_back(f"{worker.identity} died")
            return
        lived_ns = now_ns - worker.ready_ns if worker.ready_ns else 0
        delay = self._restarts.died(now_ns, lived_ns, self._desired.workers)
        if delay:
            log.warning("workers die young: the next one starts in %.1f s", delay)

    # Commands

    def _stop(self, name: str, *, graceful: bool) -> None:
        now_ns = self._clock.monotonic_ns()
        stop = self._desired.stop
        if stop is not None:
            if not graceful and stop.graceful:
                log.info("stopping: %s, at once now", name)
                self._desired = replace(self._desired, stop=Stop(False, now_ns))
            return
        self._give_up_reload()
        seconds = self._desired.graceful_ns / NS_PER_S
        log.info("stopping: %s, %s", name, f"graceful, at most {seconds:g} s" if graceful else "at once")
        deadline_ns, drain_ns = now_ns, now_ns
        if graceful:
            self._crew.announce_stop()
            deadline_ns = now_ns + self._desired.graceful_ns
            drain_ns = min(deadline_ns, now_ns + ns(self._blueprint.gate()))
        self._desired = replace(self._desired, stop=Stop(graceful, deadline_ns, drain_ns))

    def _scale(self, step: int) -> None:
        most = self._board.slots // 2 - 1  # a reload needs as many again, and draining ones hold slots too
        workers = max(1, min(self._desired.workers + step, most))
        log.info("workers wanted: %d", workers)
        self._desired = replace(self._desired, workers=workers)
        self._announced = 0

    # Reload

    def _reload_asked(self) -> None:
        if self._reloader.phase is not Phase.IDLE or not self._was_ready:
            log.info("reload: asked for; it follows what is going on")
            self._reloader.is_pending = True
            return
        log.info("reload: checking")
        try:
            fd = self._reloader.start(self._clock.monotonic_ns(), self._close_in_child)
        except OSError as error:
            self._rejected(f"cannot fork: {error.strerror}")
            return
        self._wakeup.watch(fd)

    def _checked(self) -> None:
        """The checker has answered, or its time is over: start the new generation, or say why not."""
        self._wakeup.forget(self._reloader.fd)
        old = self._plan.processes.workers
        try:
            plan = self._reloader.stage(self._desired)
        except PforkError as error:
            self._rejected(error.render())
            return
        generation = max(self._plans) + 1
        self._plans[generation] = plan
        # What TTIN and TTOU have set stays, unless the setting itself was changed.
        changed = plan.processes.workers != old
        workers = plan.processes.workers if changed else self._desired.workers
        self._desired = self._desire(generation, workers)
        self._restarts.forget()

    def _look_after_reload(self) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._reloader.is_overdue(now_ns):
            self._checked()
        if self._desired.stop is not None:
            return
        if is_settled(self._desired, self._observe(now_ns)):
            self._settled()
        if self._reloader.is_pending and self._reloader.phase is Phase.IDLE and self._was_ready:
            self._reload_asked()

    def _settled(self) -> None:
        generation, workers = self._desired.generation, self._desired.workers
        if self._reloader.phase is Phase.ROLL:
            self._reloader.commit()
            log.info("reload done: generation %d, %s", generation, _workers(workers))
        elif self._announced != generation:
            log.info("ready: %s, generation %d", _workers(workers), generation)
        self._announced = generation

    def _is_on_trial(self, worker: Worker) -> bool:
        return self._reloader.phase is Phase.ROLL and worker.facts.generation == self._desired.generation

    def _rejected(self, reason: str) -> None:
        log.error("reload rejected: %s; generation %d serves on", reason, self._desired.generation)

    def _roll_back(self, reason: str) -> None:
        self._desired = self._reloader.roll_back()
        self._rejected(reason)

    def _give_up_reload(self) -> None:
        self._reloader.is_pending = False
        if self._reloader.phase is Phase.CHECK:
            self._wakeup.forget(self._reloader.fd)
            self._reloader.give_up_check()
            self._rejected("the server stops")
        elif self._reloader.phase is Phase.ROLL:
            self._roll_back("the server stops")


def _workers(count: int) -> str:
    return f"{count} worker" if count == 1 else f"{count} workers"
