"""The workers there are: one record each, found by slot, by PID or by channel."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pfork.control import identity
from pfork.scoreboard import Scoreboard, State
from pfork.supervisor.reconcile import Facts


@dataclass(slots=True, eq=False)
class Worker:
    """A worker process, from its fork until it is reaped.

    ``facts`` is all that reconcile sees. ``why`` says, for the log, why it was ended; ``suspect`` is the request (lane
    and start) found overdue at the last look: only one that is still there at the next is taken as stuck.
    ``is_mute``: its end of the channel is closed. ``was_starting``: it was abandoned before it was ready.
    """

    facts: Facts
    pid: int
    channel: socket.socket
    dump_fd: int
    kind: str = ""
    ready_ns: int = 0
    why: str = ""
    suspect: tuple[int, int] | None = None
    is_mute: bool = False
    was_starting: bool = False

    @property
    def slot(self) -> int:
        return self.facts.slot

    @property
    def identity(self) -> str:
        return identity(self.facts.slot, self.facts.generation, self.pid)

    @property
    def is_expected_to_live(self) -> bool:
        """Nobody has told it to go."""
        return self.facts.state in (State.STARTING, State.READY)

    def close(self) -> None:
        """Let the descriptors go."""
        self.channel.close()
        os.close(self.dump_fd)


@dataclass(slots=True)
class Table:
    """All workers, by slot. State changes go through here, so that the scoreboard always tells the same."""

    board: Scoreboard
    _workers: dict[int, Worker] = field(default_factory=dict)
    _spawned: int = 0

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    def __len__(self) -> int:
        return len(self._workers)

    def __getitem__(self, slot: int) -> Worker:
        return self._workers[slot]

    def __repr__(self) -> str:
        rows = ", ".join(f"{w.slot + 1}:g{w.facts.generation}:{w.facts.state.name}" for w in self)
        return f"<Table {rows}>"

    @property
    def facts(self) -> tuple[Facts, ...]:
        return tuple(worker.facts for worker in self)

    @property
    def pids(self) -> frozenset[int]:
        return frozenset(worker.pid for worker in self)

    @property
    def free_slots(self) -> int:
        return self.board.slots - len(self._workers)

    def claim(self, generation: int, now_ns: int, deadline_ns: int) -> Facts:
        """Take the lowest free slot for a worker about to be forked."""
        slot = next(slot for slot in range(self.board.slots) if slot not in self._workers)
        self._spawned += 1
        self.board.claim(slot, generation=generation, now_ns=now_ns)
        return Facts(slot, self._spawned, generation, State.STARTING, now_ns, deadline_ns)

    def add(self, worker: Worker) -> None:
        self._workers[worker.slot] = worker
        self.board.set_pid(worker.slot, worker.pid)

    def remove(self, worker: Worker) -> None:
        """A worker is gone: its slot is free again."""
        del self._workers[worker.slot]
        self.board.release(worker.slot)
        worker.close()

    def enter(self, worker: Worker, state: State, deadline_ns: int = 0) -> None:
        """A worker changes its state; the old state's deadline goes with it."""
        worker.facts = replace(worker.facts, state=state, deadline_ns=deadline_ns)
        self.board.set_state(worker.slot, state)

    def count(self, generation: int, state: State) -> int:
        return sum(w.facts.generation == generation and w.facts.state is state for w in self)

    def by_channel(self, fd: int) -> Worker | None:
        return next((w for w in self if w.channel.fileno() == fd), None)

    def close_in_child(self) -> None:
        """In a forked worker: give up the arbiter's ends of the other workers' channels, or they would never hear
        that the arbiter is gone."""
        for worker in self:
            worker.close()
