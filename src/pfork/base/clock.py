"""The clock as an object, so that whoever decides by time can be tested without waiting for it."""

from __future__ import annotations

import time
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """What time it is. Decisions use the monotonic clock; the wall clock is for people and log lines."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC: the same for all processes of a machine, never set back."""

    def time(self) -> float:
        """Seconds since the epoch."""


class SystemClock:
    """The machine's clock."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def time(self) -> float:
        return time.time()


def ns(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return int(seconds * NS_PER_S)
