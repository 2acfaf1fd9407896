"""Random histories: whatever happens in whatever order, the invariants of reconcile hold after every step."""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import integers, sampled_from

from pfork.scoreboard import State
from pfork.supervisor.actions import Abandon, Collect, Dismiss, Kill, Retire, Spawn
from pfork.supervisor.reconcile import Desired, Facts, Observed, Stop, is_settled, reconcile

SLOTS = 40
GRACE = 30
BOOT = 100


@dataclass
class World:
    """A server without processes: workers are facts, and actions change them as the crew would."""

    now: int = 1
    spawned: int = 0
    workers: dict[int, Facts] = field(default_factory=dict)

    def ready(self):
        return [w for w in self.workers.values() if w.state is State.READY and not w.stuck]

    def perform(self, action):
        match action:
            case Spawn(generation):
                slot = next(n for n in range(SLOTS) if n not in self.workers)
                self.spawned += 1
                self.workers[slot] = Facts(slot, self.spawned, generation, State.STARTING, self.now, self.now + BOOT)
            case Retire(slot, deadline_ns):
                self.set(slot, state=State.DRAINING, deadline_ns=deadline_ns)
            case Dismiss(slot):
                self.set(slot, state=State.DYING, deadline_ns=self.now + 2)
            case Abandon(slot):
                self.set(slot, state=State.DYING, deadline_ns=self.now + 2, collect_ns=self.now + 1)
            case Collect(slot):
                self.set(slot, collect_ns=0)
            case Kill(slot):
                self.set(slot, state=State.DYING, deadline_ns=self.now + 1)

    def set(self, slot, **changes):
        self.workers[slot] = replace(self.workers[slot], **changes)


class Histories(RuleBasedStateMachine):
    """Rules are what can happen to a server; each is followed by one call of reconcile."""

    @initialize(workers=integers(1, 6))
    def start(self, workers):
        self.world = World()
        self.desired = Desired(1, workers, GRACE)
        self.newest = 1
        self.turn()

    def turn(self, spawn_at_ns=0):
        world = self.world
        before = len(world.ready())
        observed = Observed(tuple(world.workers.values()), SLOTS - len(world.workers), spawn_at_ns)
        actions = reconcile(self.desired, observed, world.now)
        if self.desired.stop is None:
            retired = sum(isinstance(action, Retire) for action in actions)
            # Make before break: what is left is enough, or nothing was taken.
            assert not retired or before - retired >= self.desired.workers
            if world.now < spawn_at_ns:
                assert not any(isinstance(action, Spawn) for action in actions)
        else:
            assert not any(isinstance(action, Spawn) for action in actions)
        assert sum(isinstance(action, Spawn) for action in actions) <= self.desired.workers
        for action in actions:
            world.perform(action)

    def pick(self, number, *states):
        found = sorted(s for s, w in self.world.workers.items() if w.state in states)
        return found[number % len(found)] if found else None

    @rule(number=integers(0, 50))
    def a_worker_becomes_ready(self, number):
        slot = self.pick(number, State.STARTING)
        if slot is not None:
            self.world.set(slot, state=State.READY, deadline_ns=0)
        self.turn()

    @rule(number=integers(0, 50))
    def a_worker_ends(self, number):
        slot = self.pick(number, *State)
        if slot is not None:
            del self.world.workers[slot]
        self.turn()

    @rule(number=integers(0, 50), what=sampled_from(["stuck", "condemned"]))
    def a_worker_is_to_be_replaced(self, number, what):
        slot = self.pick(number, State.READY)
        if slot is not None:
            self.world.set(slot, **{what: True})
        self.turn()

    @rule(step=integers(1, 150))
    def time_passes(self, step):
        self.world.now += step
        self.turn()

    @rule()
    def the_system_refuses_to_fork(self):
        self.turn(spawn_at_ns=self.world.now + 1)

    @precondition(lambda self: self.desired.stop is None)
    @rule(workers=integers(1, 6))
    def it_is_scaled(self, workers):
        self.desired = replace(self.desired, workers=workers)
        self.turn()

    @precondition(lambda self: self.desired.stop is None)
    @rule()
    def it_is_reloaded(self):
        self.newest += 1
        self.desired = replace(self.desired, generation=self.newest)
        self.turn()

    @precondition(lambda self: self.desired.stop is None and self.desired.generation > 1)
    @rule()
    def a_reload_is_rolled_back(self):
        self.desired = replace(self.desired, generation=self.desired.generation - 1)
        self.turn()

    @rule(graceful=sampled_from([True, False]))
    def it_is_stopped(self, graceful):
        if self.desired.stop is None or (self.desired.stop.graceful and not graceful):
            deadline = self.world.now + (GRACE if graceful else 0)
            self.desired = replace(self.desired, stop=Stop(graceful, deadline))
        self.turn()

    @invariant()
    def every_state_but_ready_has_a_deadline(self):
        for worker in self.world.workers.values():
            assert worker.state is State.READY or worker.deadline_ns

    @invariant()
    def those_that_leave_never_exhaust_the_slots(self):
        assert len(self.world.workers) <= SLOTS

    def teardown(self):
        """Left alone, with workers that start and end as they are told, every server reaches what is wanted."""
        if not hasattr(self, "world"):
            return
        for _ in range(400):
            world = self.world
            world.now += 50
            for slot, worker in list(world.workers.items()):
                if worker.state is State.STARTING:
                    world.set(slot, state=State.READY, deadline_ns=0)
                elif worker.state in (State.DRAINING, State.DYING):
                    del world.workers[slot]
            self.turn()
            if self.desired.stop is not None and not world.workers:
                return
            observed = Observed(tuple(world.workers.values()), SLOTS)
            if self.desired.stop is None and is_settled(self.desired, observed):
                states = {w.state for w in world.workers.values()}
                if states == {State.READY} and len(world.workers) == self.desired.workers:
                    return
        raise AssertionError(f"never settled: {self.desired} {self.world.workers}")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
