"""When a dead worker may be replaced: at once, then ever later. Pure arithmetic, no clock of its own."""

from __future__ import annotations

import os
from collections.abc import Callable

from pfork.base import NS_PER_S, ns

MIN_UPTIME_NS = ns(10)
"""A worker that lived shorter than this died young: what killed it will probably kill the next one too."""

QUIET_NS = ns(60)
"""After so long without a young death the slate is clean."""

MAX_DELAY_S = 60


def a_quarter_more_or_less() -> float:
    """A factor from 0.75 to 1.25. The random module would cost the arbiter 200 KB for it."""
    return 0.75 + os.urandom(1)[0] / 510


class Restarts:
    """The restart budget of the whole server (one, not one per worker: levels would multiply, as OTP warns).

    As many young deaths as there are workers are replaced at once: a crash must not cost capacity, and all workers may
    crash on the same poisoned request. From then on each costs twice the delay of the last, 1 to 60 s, with a jitter of
    a quarter, and newcomers start one by one.
    """

    def __init__(self, jitter: Callable[[], float] = a_quarter_more_or_less) -> None:
        self._jitter = jitter
        self._young_deaths = 0
        self._last_ns = 0
        self.spawn_at_ns = 0

    def died(self, now_ns: int, lived_ns: int, workers: int) -> float:
        """Count an unplanned death. Returns the delay in seconds before the next spawn.

        ``lived_ns``: how long it was ready; 0 if it never was. ``workers``: how many there shall be.
        """
        if now_ns - self._last_ns > QUIET_NS:
            self._young_deaths = 0
        if lived_ns >= MIN_UPTIME_NS:
            return 0.0
        self._last_ns = now_ns
        self._young_deaths += 1
        excess = self._young_deaths - max(1, workers)
        if excess <= 0:
            return 0.0
        delay = min(MAX_DELAY_S, 2.0 ** (excess - 1)) * self._jitter()
        self.spawn_at_ns = max(self.spawn_at_ns, now_ns + ns(delay))
        return delay

    def fork_failed(self, now_ns: int) -> float:
        """A fork was refused: not a crash; try again in a second, for ever. Returns the delay in seconds."""
        self.spawn_at_ns = now_ns + NS_PER_S
        return 1.0

    def forget(self) -> None:
        """A reload is a new start: what killed the old workers may be mended."""
        self._young_deaths = 0
        self.spawn_at_ns = 0

    def burst(self, now_ns: int, workers: int) -> int:
        """How many may be starting at once."""
        troubled = self._young_deaths > max(1, workers) and now_ns - self._last_ns <= QUIET_NS
        return 1 if troubled else max(1, workers)
