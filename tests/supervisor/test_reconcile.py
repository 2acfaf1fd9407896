"""reconcile as a table: what is wanted, what is there, what is to be done. No process, no clock."""

import pytest

from pfork.scoreboard import State
from pfork.supervisor.actions import Abandon, Collect, Dismiss, Kill, Retire, Spawn, StopListening
from pfork.supervisor.reconcile import (
    Desired,
    Facts,
    Observed,
    Stop,
    is_settled,
    next_deadline_ns,
    reconcile,
)

NOW = 1_000
GRACE = 500


def fact(slot, state, generation=1, **more):
    return Facts(slot=slot, order=slot, generation=generation, state=State[state], started_ns=1, **more)


def want(generation=1, workers=4, stop=None):
    return Desired(generation=generation, workers=workers, graceful_ns=GRACE, stop=stop)


def ready(count, generation=1, first=0, **more):
    return tuple(fact(first + n, "READY", generation, **more) for n in range(count))


CASES = {
    "a new server starts all its workers at once": (
        want(workers=3), (), [Spawn(1), Spawn(1), Spawn(1)],
    ),
    "as many as wanted: nothing to do": (want(), ready(4), []),
    "those that are starting count as coming": (
        want(), (*ready(2), fact(2, "STARTING"), fact(3, "STARTING")), [],
    ),
    "a missing worker is replaced": (want(), ready(3), [Spawn(1)]),
    "a draining worker is no capacity": (
        want(), (*ready(3), fact(3, "DRAINING", deadline_ns=NOW + 1)), [Spawn(1)],
    ),
    "a dying worker is no capacity": (want(), (*ready(3), fact(3, "DYING", deadline_ns=NOW + 1)), [Spawn(1)]),
    "one worker less: the oldest retires": (want(workers=3), ready(4), [Retire(0, NOW + GRACE)]),
    "one worker less while one starts: the newcomer is dismissed": (
        want(workers=3), (*ready(3), fact(3, "STARTING")), [Dismiss(3)],
    ),
    "a reload begins with one canary": (want(generation=2), ready(4), [Spawn(2)]),
    "a reload waits for its canary": (want(generation=2), (*ready(4), fact(4, "STARTING", 2)), []),
    "a ready canary lets the oldest go, and a quarter follows": (
        want(generation=2),
        (*ready(4), *ready(1, generation=2, first=4)),
        [Retire(0, NOW + GRACE), Spawn(2)],
    ),
    "a quarter of eight is two at a time": (
        want(generation=2, workers=8),
        (*ready(7), *ready(1, generation=2, first=8)),
        [Spawn(2), Spawn(2)],
    ),
    "the last old one retires when the new ones are enough": (
        want(generation=2),
        (*ready(1), *ready(4, generation=2, first=4)),
        [Retire(0, NOW + GRACE)],
    ),
    "a rolled back generation leaves at once while it starts": (
        want(generation=1), (*ready(4), fact(4, "STARTING", 2)), [Dismiss(4)],
    ),
    "a rolled back generation that serves leaves as soon as it is not needed": (
        want(generation=1), (*ready(4), *ready(1, generation=2, first=4)), [Retire(4, NOW + GRACE)],
    ),
    "a condemned worker serves until its replacement is ready": (
        want(workers=2), (fact(0, "READY", condemned=True), fact(1, "READY")), [Spawn(1)],
    ),
    "then it retires": (
        want(workers=2), (fact(0, "READY", condemned=True), *ready(2, first=1)), [Retire(0, NOW + GRACE)],
    ),
    "a stuck worker is abandoned and replaced in the same turn": (
        want(workers=2), (fact(0, "READY", stuck=True), fact(1, "READY")), [Abandon(0), Spawn(1)],
    ),
    "a boot that takes too long is abandoned": (
        want(workers=1), (fact(0, "STARTING", deadline_ns=NOW),), [Abandon(0)],
    ),
    "a drain that takes too long is cut": (
        want(workers=1), (*ready(1), fact(1, "DRAINING", deadline_ns=NOW)), [Kill(1)],
    ),
    "what does not die is killed again": (
        want(workers=1), (*ready(1), fact(1, "DYING", deadline_ns=NOW)), [Kill(1)],
    ),
    "stacks are collected when they are due": (
        want(workers=1), (*ready(1), fact(1, "DYING", deadline_ns=NOW + 9, collect_ns=NOW)), [Collect(1)],
    ),
    "a graceful stop retires the ready and dismisses the starting": (
        want(stop=Stop(True, NOW + 7)),
        (fact(0, "READY"), fact(1, "STARTING"), fact(2, "DYING", deadline_ns=NOW + 9)),
        [Retire(0, NOW + 7, True), Dismiss(1)],
    ),
    "a graceful stop shortens a drain that is under way": (
        want(stop=Stop(True, NOW + 7)),
        (fact(0, "DRAINING", deadline_ns=NOW + 100),),
        [Retire(0, NOW + 7, True)],
    ),
    "a quick stop dismisses whoever is there": (
        want(stop=Stop(False, NOW)),
        (fact(0, "READY"), fact(1, "DRAINING", deadline_ns=NOW + 9), fact(2, "STARTING")),
        [Dismiss(0), Dismiss(1), Dismiss(2)],
    ),
    "nobody is started while the server stops": (want(stop=Stop(True, NOW + 7)), (), []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_reconcile(name):
    desired, workers, expected = CASES[name]
    assert reconcile(desired, Observed(workers, free_slots=100), NOW) == expected


def test_a_graceful_stop_lets_those_in_who_were_let_in_before_it_drains():
    desired = want(workers=2, stop=Stop(True, NOW + 100, drain_ns=NOW + 5))
    workers = (fact(0, "READY"), fact(1, "STARTING"))
    waiting = Observed(workers, free_slots=9, is_listening=True)
    assert reconcile(desired, waiting, NOW) == [Dismiss(1)]
    assert next_deadline_ns(desired, waiting) == NOW + 5
    assert reconcile(desired, waiting, NOW + 5) == [StopListening(), Retire(0, NOW + 100, True), Dismiss(1)]
    closed = Observed(workers[:1], free_slots=9, is_listening=False)
    assert reconcile(desired, closed, NOW + 5) == [Retire(0, NOW + 100, True)]
    assert next_deadline_ns(desired, closed) == 0


def test_a_quick_stop_closes_the_sockets_at_once():
    desired = want(stop=Stop(False, NOW, drain_ns=NOW + 5))
    assert reconcile(desired, Observed((), free_slots=9, is_listening=True), NOW) == [StopListening()]


def test_nobody_is_started_before_the_time_of_the_next_spawn():
    early = Observed((), free_slots=9, spawn_at_ns=NOW + 1)
    assert reconcile(want(workers=2), early, NOW) == []
    assert next_deadline_ns(want(workers=2), early) == NOW + 1
    assert reconcile(want(workers=2), early, NOW + 1) == [Spawn(1), Spawn(1)]


def test_in_trouble_newcomers_start_one_by_one():
    assert reconcile(want(), Observed((), free_slots=9, burst=1), NOW) == [Spawn(1)]
    one = Observed((fact(0, "STARTING"),), free_slots=9, burst=1)
    assert reconcile(want(), one, NOW) == []


def test_without_a_free_slot_nobody_is_started():
    assert reconcile(want(), Observed((), free_slots=1), NOW) == [Spawn(1)]
    assert reconcile(want(), Observed((), free_slots=0), NOW) == []


SETTLED = {
    "enough of the right generation": (ready(4), True),
    "one is missing": (ready(3), False),
    "an old one still serves": ((*ready(4), *ready(1, generation=0, first=8)), False),
    "one is to be replaced": ((*ready(3), fact(3, "READY", condemned=True)), False),
    "old ones that drain do not count": ((*ready(4), fact(9, "DRAINING", 0, deadline_ns=9)), True),
}


@pytest.mark.parametrize("name", SETTLED)
def test_is_settled(name):
    workers, expected = SETTLED[name]
    assert is_settled(want(), Observed(workers, free_slots=9)) is expected


def test_the_next_deadline_is_the_earliest_of_all():
    workers = (
        fact(0, "STARTING", deadline_ns=900),
        fact(1, "DYING", deadline_ns=800, collect_ns=700),
        *ready(3, first=2),
    )
    assert next_deadline_ns(want(), Observed(workers, free_slots=9)) == 700
    assert next_deadline_ns(want(), Observed(ready(4), free_slots=9)) == 0
