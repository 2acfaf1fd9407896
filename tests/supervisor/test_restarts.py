"""The restart budget: deaths as data, delays in seconds."""

import pytest

from pfork.base import ns
from pfork.supervisor.restarts import Restarts, a_quarter_more_or_less

HISTORIES = {
    # name: (workers, [(second of the death, seconds lived)], expected delays)
    "one worker: at once, then ever later": (1, [(0, 0), (1, 0), (2, 0), (4, 0)], [0, 1, 2, 4]),
    "as many as there are workers are replaced at once": (3, [(0, 0), (0, 0), (0, 0), (0, 0)], [0, 0, 0, 1]),
    "the delay ends at a minute": (1, [(n, 0) for n in range(9)], [0, 1, 2, 4, 8, 16, 32, 60, 60]),
    "who lived long enough is replaced at once": (1, [(0, 0), (20, 15), (40, 15)], [0, 0, 0]),
    "a quiet minute wipes the slate": (1, [(0, 0), (1, 0), (70, 0)], [0, 1, 0]),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_delays(name):
    workers, deaths, expected = HISTORIES[name]
    restarts = Restarts(jitter=lambda: 1.0)
    assert [restarts.died(ns(at), ns(lived), workers) for at, lived in deaths] == expected


def test_the_next_spawn_waits_for_the_delay():
    restarts = Restarts(jitter=lambda: 1.0)
    restarts.died(ns(5), 0, 1)
    assert restarts.spawn_at_ns == 0
    restarts.died(ns(6), 0, 1)
    assert restarts.spawn_at_ns == ns(7)


def test_in_trouble_workers_start_one_by_one_until_a_quiet_minute():
    restarts = Restarts(jitter=lambda: 1.0)
    assert restarts.burst(ns(0), 4) == 4
    for _ in range(5):
        restarts.died(ns(1), 0, 4)
    assert restarts.burst(ns(2), 4) == 1
    assert restarts.burst(ns(62), 4) == 4


def test_a_refused_fork_is_tried_again_for_ever():
    restarts = Restarts()
    for second in range(100):
        assert restarts.fork_failed(ns(second)) == 1.0
        assert restarts.spawn_at_ns == ns(second + 1)


def test_a_reload_starts_with_a_clean_slate():
    restarts = Restarts(jitter=lambda: 1.0)
    for _ in range(5):
        restarts.died(ns(1), 0, 1)
    restarts.forget()
    assert restarts.spawn_at_ns == 0
    assert restarts.burst(ns(1), 2) == 2


def test_delays_are_spread_by_a_quarter():
    factors = [a_quarter_more_or_less() for _ in range(2000)]
    assert 0.75 <= min(factors) < 0.8
    assert 1.2 < max(factors) <= 1.25
