"""Settings on their way from one process to another, and what differs between two of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfork.base import ConfigError
from pfork.config import (
    ROWS,
    AppSettings,
    BindSettings,
    FdAddress,
    HttpSettings,
    LogSettings,
    ProcessSettings,
    Settings,
    TcpAddress,
    UnixAddress,
    changes,
    from_plain,
    to_plain,
)

OTHER = Settings(
    AppSettings("shop:app", "/srv", ("a", "b"), ("A=1,2", "B="), "/api", "on"),
    BindSettings((TcpAddress("::1", 1), UnixAddress("/run/s"), FdAddress(3)), 5, 0o27),
    ProcessSettings(4, "thread", 2, 10, 0.5, 1.0, 2.0, "pid", "name", "33", "www"),
    HttpSettings(1.0, 2.0, 3.0, 4.0, 5, 6, 7, 8),
    LogSettings("e.log", "debug", "-", "%(h)s 'ü' \"x\""),
)


def through_json(settings):
    return from_plain(json.loads(json.dumps(to_plain(settings))))


@pytest.mark.parametrize("settings", [Settings(), OTHER], ids=["defaults", "others"])
def test_settings_survive_the_way_through_json(settings):
    assert through_json(settings) == settings


def test_the_other_settings_differ_in_everything():
    assert [change.name for change in changes(Settings(), OTHER)] == list(ROWS)


@given(st.integers(), st.floats(0, 1e9), st.integers(0, 0o777), st.lists(st.text("ab=,", min_size=1).map(str)))
def test_numbers_and_lists_survive_the_way_through_json(number, seconds, mask, texts):
    settings = Settings(
        app=AppSettings(raw_env=tuple(texts)),
        binding=BindSettings(umask=mask),
        processes=ProcessSettings(workers=number, timeout=seconds),
    )
    assert through_json(settings) == settings


def test_what_is_missing_has_its_default():
    assert from_plain({"workers": 3}) == Settings(processes=ProcessSettings(workers=3))


NOT_PLAIN = {
    "unknown name": ({"wrokers": 3}, "wrokers: unknown setting"),
    "wrong type": ({"workers": "3"}, "workers = '3': must be a whole number, like 4"),
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_what_to_plain_never_gave_is_refused(case):
    plain, message = NOT_PLAIN[case]
    with pytest.raises(ConfigError) as caught:
        from_plain(plain)
    assert str(caught.value) == message


def test_equal_settings_have_no_changes():
    assert changes(Settings(), Settings()) == ()


def test_a_change_says_what_differs_and_when_it_counts():
    old = Settings()
    new = Settings(
        binding=BindSettings(backlog=5, umask=0o22),
        processes=ProcessSettings(workers=4, timeout=0.5, pidfile="run/pid"),
    )
    assert [(str(change), change.applies) for change in changes(old, new)] == [
        ("backlog: 2048 -> 5", "restart"),
        ("umask: 0o000 -> 0o022", "restart"),
        ("workers: 1 -> 4", "reload"),
        ("timeout: 30 -> 0.5", "reload"),
        ('pidfile: none -> "run/pid"', "restart"),
    ]
