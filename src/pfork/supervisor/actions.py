"""What reconcile orders and the arbiter performs. Orders are imperative."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker of a generation, in any free slot."""

    generation: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Let a ready worker finish what it has, then exit."""

    slot: int
    deadline_ns: int
    empty_backlog: bool = False


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Let a worker exit at once, and end it shortly after if it does not."""

    slot: int


@dataclass(frozen=True, slots=True)
class Abandon:
    """A worker is stuck: have its stacks written, expect nothing more of it, end it soon."""

    slot: int


@dataclass(frozen=True, slots=True)
class Collect:
    """The stacks that a worker was told to write are due: log them."""

    slot: int


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker's time is over."""

    slot: int


@dataclass(frozen=True, slots=True)
class StopListening:
    """Close the sockets: the workers hold them still, as long as they need to."""


Action = Spawn | Retire | Dismiss | Abandon | Collect | Kill | StopListening
