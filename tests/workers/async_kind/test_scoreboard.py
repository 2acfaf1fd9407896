"""What the arbiter sees of an async worker, and how workers share the work."""

import os
import time

import pytest

from pfork.scoreboard import Scoreboard, State
from tests.workers.harness import PATIENCE_S

from .apps import Routes, answer


@pytest.fixture
def app(gate):
    app = Routes()

    @app.route
    async def hold(scope, receive, send):
        await gate.pass_through()
        await answer(send, b"held")

    @app.route
    async def block(scope, receive, send):
        gate.hold()  # the whole loop stands still
        await answer(send, b"blocked")

    @app.route
    async def after(scope, receive, send):
        await answer(send, b"answered")
        await gate.pass_through()

    return app


def until(condition, one):
    """Until the scoreboard says so. It is shared memory: there is nothing to wait on but a look."""
    end = time.monotonic() + PATIENCE_S
    while not condition(one.view):
        assert time.monotonic() < end, f"{one.view}\n{one.log}"
        os.sched_yield()


def is_silent(one, seconds):
    """Whether the worker says nothing to the arbiter for a while."""
    one.channel.settimeout(seconds)
    try:
        one.channel.recv(1)
    except TimeoutError:
        return True
    return False


def wake_ups(pid):
    """How often a process has waited for something."""
    with open(f"/proc/{pid}/status") as status:
        (line,) = (line for line in status if line.startswith("voluntary_ctxt_switches:"))
    return int(line.split()[1])


def test_an_idle_worker_gives_no_beat(worker, app):
    one = worker(app, kind="async")
    assert one.view.beat_ns == 0
    for _ in range(2):
        with one.connect() as client:
            client.get("/").answer()
            assert one.view.beat_ns != 0
        until(lambda view: view.beat_ns == 0, one)
        assert one.view.connections == 0


@pytest.mark.slow
def test_an_idle_worker_sleeps(worker, app):
    one = worker(app, kind="async")
    with one.connect() as client:
        client.get("/").answer()
    until(lambda view: view.beat_ns == 0, one)
    assert is_silent(one, 1.5)  # the tick that was due finds nothing to do
    before = wake_ups(one.pid)
    assert is_silent(one, 1.5)
    assert wake_ups(one.pid) == before


def test_a_worker_with_connections_beats_at_once(worker, app, gate):
    one = worker(app, kind="async")
    before = time.monotonic_ns()
    with one.connect() as client:
        client.get("/").answer()
        assert before <= one.view.beat_ns <= time.monotonic_ns()
        assert one.view.connections == 1
        assert one.view.kind == "async"


@pytest.mark.slow
def test_a_beat_stands_still_while_the_loop_is_blocked_and_goes_on_afterwards(worker, app, gate):
    one = worker(app, kind="async")
    with one.connect() as client:
        client.get("/block")
        gate.wait()
        beat = one.view.beat_ns
        client.sock.settimeout(1.5)
        with pytest.raises(TimeoutError):  # longer than a tick
            client.sock.recv(1)
        assert one.view.beat_ns == beat != 0
        client.sock.settimeout(30)
        gate.let_go()
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        assert one.view.beat_ns > beat
        gate.let_go()


def test_the_arbiter_sees_the_requests_in_progress(worker, app, gate):
    one = worker(app, kind="async")
    before = time.monotonic_ns()
    with one.connect() as first, one.connect() as second:
        first.get("/hold?n=1")
        gate.wait()
        second.get("/hold?n=2")
        gate.wait()
        view = one.view
        assert view.active == 2
        assert [request.request_line for request in view.in_flight] == ["GET /hold?n=1", "GET /hold?n=2"]
        assert before <= view.in_flight[0].since_ns <= view.in_flight[1].since_ns
        gate.let_go(2)
        first.answer()
        second.answer()
    until(lambda view: view.active == 0 and view.in_flight == (), one)


def test_work_after_the_response_counts_as_in_progress(worker, app, gate):
    one = worker(app, kind="async")
    with one.connect() as client:
        client.get("/after").answer()
        gate.wait()
        assert one.view.active == 1
        gate.let_go()


def test_more_requests_than_lanes_are_served_all_the_same(worker, app, gate):
    one = worker(app, kind="async", board=Scoreboard(2, 2))
    clients = [one.connect() for _ in range(5)]
    for client in clients:
        client.get("/hold")
    gate.wait(5)
    assert one.view.active == 5
    assert len(one.view.in_flight) == 2
    gate.let_go(5)
    for client in clients:
        assert client.answer().body == b"held"
        client.close()


def test_a_busy_worker_takes_what_an_idle_one_does_not(worker, app, gate):
    """The idle one is believed to be there, but is not."""
    one = worker(app, kind="async")
    one.board.claim(1, generation=one.view.generation, now_ns=1)
    one.board.set_state(1, State.READY)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        assert one.board.writer(0).has_idle_sibling()
        with one.connect() as late:
            assert late.get("/").answer().body == b"ok"
        gate.let_go()


def test_two_idle_workers_share_a_burst(worker, app, gate):
    """One connection in each turn of the loop: the first to wake up does not take them all."""
    one = worker(app, kind="async")
    other = worker(app, kind="async", listeners=one.listeners, board=one.board, slot=1)
    clients = [one.connect() for _ in range(40)]
    for client in clients:
        client.get("/hold")
    gate.wait(40)
    assert one.view.active + other.view.active == 40
    assert min(one.view.active, other.view.active) > 0
    for client in clients:
        client.close()
