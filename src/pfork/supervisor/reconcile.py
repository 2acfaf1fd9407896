"""What to do next, decided from what is wanted and what is there. Pure: no process, no clock, no log.

Theory of operation
-------------------
Nothing here is a script. A reload, a scaling step, a worker that asks to be replaced and a crash are all the same: a
difference between *desired* (whose workers shall serve, how many, or stop) and *observed* (the workers there are).
Whatever happens in the middle of an operation changes what is observed, never the plan, and the next call sees it.

States of a worker, and who leaves them by a deadline::

    STARTING --ready--> READY --Retire--> DRAINING --deadline--> Kill
       | boot_timeout     | stuck             ^
       +---- Abandon -----+----> DYING --deadline--> Kill (again every second until it is gone)

Invariants (``tests/supervisor`` checks them on random histories):

* a ready worker is told to drain only while the ready ones left are at least the number wanted (make before break);
* draining and dying workers are no capacity and never hold up a replacement;
* while other workers serve, a new generation starts with one worker, the canary, and goes on a quarter at a time;
* no more spawns in one turn than are missing, and none before ``spawn_at_ns`` (see restarts.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from pfork.scoreboard import State
from pfork.supervisor.actions import Abandon, Action, Collect, Dismiss, Kill, Retire, Spawn, StopListening


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one worker. Times are monotonic nanoseconds; 0 means none.

    ``order`` grows with each spawn: the smaller, the older. ``collect_ns`` is when its stacks are due.
    ``condemned``: it serves, but is to be replaced. ``stuck``: it was found not to make progress.
    """

    slot: int
    order: int
    generation: int
    state: State
    started_ns: int
    deadline_ns: int = 0
    collect_ns: int = 0
    condemned: bool = False
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The server is to end: gracefully until ``deadline_ns``, or at once.

    ``drain_ns``: until then the workers go on as they are, while clients that were let in send their requests.
    """

    graceful: bool
    deadline_ns: int
    drain_ns: int = 0


@dataclass(frozen=True, slots=True)
class Desired:
    """What shall be: ``workers`` ready workers of ``generation``, or none at all.

    ``graceful_ns`` is how long a retired worker may take.
    """

    generation: int
    workers: int
    graceful_ns: int
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What is. ``free_slots`` take a new worker each; spawns are allowed from ``spawn_at_ns`` on, ``burst`` at once.

    ``is_listening``: the arbiter holds the listening sockets.
    """

    workers: tuple[Facts, ...]
    free_slots: int
    spawn_at_ns: int = 0
    burst: int = 1_000_000
    is_listening: bool = False


def reconcile(desired: Desired, observed: Observed, now_ns: int) -> list[Action]:
    """The actions that bring what is nearer to what shall be. Doing them and asking again is safe at any time."""
    actions = _overdue(observed, now_ns)
    if desired.stop is not None:
        return actions + _stop(desired.stop, observed, now_ns)
    return actions + _stuck(observed) + _retire(desired, observed, now_ns) + _spawn(desired, observed, now_ns)


def is_settled(desired: Desired, observed: Observed) -> bool:
    """Whether all the workers that serve are those wanted: as many, of the right generation."""
    ready = [worker for worker in observed.workers if worker.state is State.READY]
    return len(ready) >= desired.workers and all(_is_wanted(worker, desired) for worker in ready)


def next_deadline_ns(desired: Desired, observed: Observed) -> int:
    """The earliest time at which reconcile may answer differently though nothing happened; 0 for never."""
    times = [time for worker in observed.workers for time in (worker.deadline_ns, worker.collect_ns) if time]
    if desired.stop is None and _missing(desired, observed) > 0 and observed.spawn_at_ns:
        times.append(observed.spawn_at_ns)
    if desired.stop is not None and desired.stop.graceful and observed.is_listening:
        times.append(desired.stop.drain_ns)
    return min(times, default=0)


def _overdue(observed: Observed, now_ns: int) -> list[Action]:
    actions: list[Action] = []
    for worker in observed.workers:
        if worker.collect_ns and worker.collect_ns <= now_ns:
            actions.append(Collect(worker.slot))
        if worker.deadline_ns and worker.deadline_ns <= now_ns:
            starting = worker.state is State.STARTING
            actions.append(Abandon(worker.slot) if starting else Kill(worker.slot))
    return actions


def _stop(stop: Stop, observed: Observed, now_ns: int) -> list[Action]:
    is_waiting = stop.graceful and now_ns < stop.drain_ns
    actions: list[Action] = [StopListening()] if observed.is_listening and not is_waiting else []
    for worker in observed.workers:
        if worker.state is State.READY and is_waiting:
            continue
        if worker.state is State.READY and stop.graceful:
            actions.append(Retire(worker.slot, stop.deadline_ns, empty_backlog=True))
        elif worker.state is State.DRAINING and stop.graceful:
            if worker.deadline_ns > stop.deadline_ns:
                actions.append(Retire(worker.slot, stop.deadline_ns, empty_backlog=True))
        elif worker.state is not State.DYING:
            actions.append(Dismiss(worker.slot))
    return actions


def _stuck(observed: Observed) -> list[Action]:
    return [Abandon(worker.slot) for worker in observed.workers if worker.stuck and worker.state is State.READY]


def _is_wanted(worker: Facts, desired: Desired) -> bool:
    return worker.generation == desired.generation and not worker.condemned and not worker.stuck


def _retire(desired: Desired, observed: Observed, now_ns: int) -> list[Action]:
    """Those that serve beyond the number wanted, the unwanted first, the oldest first; and superfluous newcomers."""
    ready = [w for w in observed.workers if w.state is State.READY and not w.stuck]
    leaving = sorted(ready, key=lambda worker: (_is_wanted(worker, desired), worker.order))
    surplus = max(0, len(ready) - desired.workers)
    actions: list[Action] = [Retire(worker.slot, now_ns + desired.graceful_ns) for worker in leaving[:surplus]]
    starting = sorted((w for w in observed.workers if w.state is State.STARTING), key=lambda w: -w.order)
    too_many = -_missing(desired, observed)
    for worker in starting:
        if worker.generation != desired.generation:
            actions.append(Dismiss(worker.slot))
        elif too_many > 0:
            actions.append(Dismiss(worker.slot))
            too_many -= 1
    return actions


def _spawn(desired: Desired, observed: Observed, now_ns: int) -> list[Action]:
    if now_ns < observed.spawn_at_ns:
        return []
    mine = [worker for worker in observed.workers if worker.generation == desired.generation]
    starting = sum(worker.state is State.STARTING for worker in mine)
    count = min(_missing(desired, observed), _surge(desired, observed) - starting, observed.burst - starting)
    return [Spawn(desired.generation)] * max(0, min(count, observed.free_slots))


def _missing(desired: Desired, observed: Observed) -> int:
    """How many workers are neither ready nor on their way; negative when there are more than wanted."""
    states = (State.STARTING, State.READY)
    coming = sum(_is_wanted(worker, desired) and worker.state in states for worker in observed.workers)
    return desired.workers - coming


def _surge(desired: Desired, observed: Observed) -> int:
    """How many may start at the same time: all when nobody serves, one canary for a generation on trial."""
    ready = [worker for worker in observed.workers if worker.state is State.READY]
    if not ready or all(worker.generation == desired.generation for worker in ready):
        return desired.workers
    if not any(worker.generation == desired.generation for worker in ready):
        return 1
    return max(1, -(-desired.workers // 4))
