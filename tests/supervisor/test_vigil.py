"""What the log shows of stuck workers."""

import os

import pytest

import pfork
from pfork.scoreboard import InFlight, SlotView, State
from pfork.supervisor.vigil import in_progress, overdue, tick_ns, without_server

OWN = os.path.dirname(pfork.__file__)
S = 1_000_000_000

STACKS = f"""\
Thread 0x1 (most recent call first):
  File "/app/views.py", line 4 in report
  File "/lib/flask/app.py", line 9 in wsgi_app
  File "{OWN}/wsgi/gateway.py", line 100 in run
  File "{OWN}/workers/thread.py", line 51 in answer
  File "/lib/threading.py", line 9 in run

Current thread 0x2 (most recent call first):
  File "{OWN}/workers/reactor.py", line 125 in run
  File "{OWN}/workers/thread.py", line 17 in serve
  File "/lib/click/core.py", line 5 in main

Thread 0x3 (most recent call first):
  File "/lib/threading.py", line 9 in wait"""


def test_stacks_end_where_the_server_called_the_app():
    assert without_server(STACKS).splitlines() == [
        "Thread 0x1 (most recent call first):",
        '  File "/app/views.py", line 4 in report',
        '  File "/lib/flask/app.py", line 9 in wsgi_app',
        f'  File "{OWN}/wsgi/gateway.py", line 100 in run',
        "Current thread 0x2 (most recent call first):",
        f'  File "{OWN}/workers/reactor.py", line 125 in run',
        "Thread 0x3 (most recent call first):",
        '  File "/lib/threading.py", line 9 in wait',
    ]


def test_no_stacks_stay_none():
    assert without_server("") == ""


def view(kind, *, beat=0, since=()):
    requests = tuple(InFlight(lane, at, f"GET /{lane}") for lane, at in enumerate(since))
    return SlotView(0, State.READY, 1, 42, 0, beat, 0, len(since), 0, kind, requests)


OVERDUE = {
    "a request that takes too long": (view("sync", since=[4 * S]), (0, 4 * S)),
    "a request that does not": (view("sync", since=[6 * S]), None),
    "the oldest of several decides": (view("thread", since=[4 * S, 9 * S]), (0, 4 * S)),
    "nothing to do": (view("thread"), None),
    "a loop that is blocked": (view("async", beat=4 * S), (-1, 4 * S)),
    "a loop that turns, whatever its requests wait for": (view("async", beat=9 * S, since=[1]), None),
    "a loop with nothing to watch": (view("async", beat=0), None),
}


@pytest.mark.parametrize("name", OVERDUE)
def test_overdue(name):
    seen, expected = OVERDUE[name]
    assert overdue(seen, timeout_ns=5 * S, now_ns=10 * S) == expected


def test_what_is_in_progress_is_named_the_oldest_first_and_not_without_end():
    assert in_progress(view("sync"), 10 * S) == ""
    assert in_progress(view("sync", since=[S]), 10 * S) == "; in progress: GET /0 (9.0 s)"
    text = in_progress(view("thread", since=[S] * 20), 10 * S)
    assert text.endswith("GET /7 (9.0 s), and 12 more")


def test_a_short_timeout_is_looked_at_often_enough():
    assert [tick_ns(timeout) for timeout in (60 * S, 2 * S, S // 10)] == [S, S // 2, S // 10]
