"""How a worker ends: drained, dismissed, or orphaned."""

import signal

import pytest

from pfork.control import Drain
from tests.e2e.raw import RawClient


@pytest.fixture
def app(gate):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/hold":
            gate.hold()
        if environ["PATH_INFO"] == "/stream":
            return held_midway(start_response, gate)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    return app


def held_midway(start_response, gate):
    start_response("200 OK", [])
    yield b"begun"
    gate.hold()
    yield b"ended"


def test_an_idle_worker_ends_at_once(worker, kind, app):
    one = worker(app, kind=kind)
    one.drain()
    assert one.wait() == 0


def test_a_request_in_progress_is_answered_and_told_that_it_is_the_last(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        gate.let_go()
        answer = client.answer()
        assert (answer.body, answer.closes) == (b"ok", True)
        assert client.read_rest() == b""
    assert one.wait() == 0


@pytest.mark.slow
def test_a_response_in_progress_is_sent_to_its_end(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/stream")
        gate.wait()
        one.drain()
        gate.let_go()
        assert client.answer().body == b"begunended"
        assert client.read_rest() == b""
    assert one.wait() == 0


def test_a_request_that_is_being_sent_is_answered(worker, kind, app):
    one = worker(app, kind=kind)
    with one.connect() as client, one.connect() as other:
        client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n")
        other.send(b"GET / HTTP/1.1\r\nHost")
        with one.connect() as third:
            assert third.get("/", "Connection: close").answer().body == b"ok"  # so the others have been read
        one.drain()
        client.send(b"abc")
        assert client.answer().closes
        other.send(b": test\r\n\r\n")
        assert other.answer().closes
    assert one.wait() == 0


def test_an_idle_connection_gets_a_moment_for_a_request_that_is_on_its_way(worker, kind, app):
    one = worker(app, kind=kind)
    with one.connect() as client:
        assert client.get("/").answer().closes is False
        one.drain()
        answer = client.get("/").answer()
        assert (answer.body, answer.closes) == (b"ok", True)
        assert client.read_rest() == b""
    assert one.wait() == 0


@pytest.mark.slow
def test_an_idle_connection_is_closed_after_that_moment(worker, kind, app):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/").answer()
        one.drain()
        assert client.read_rest() == b""
        assert one.wait() == 0


def test_a_connection_is_not_kept_longer_for_the_drain(worker, kind, app):
    one = worker(app, kind=kind, http={"keepalive": 0.1})
    with one.connect() as client:
        client.get("/").answer()
        one.drain()
        assert one.wait() == 0


def test_the_scoreboards_order_makes_a_response_the_last(worker, kind, app, gate):
    """A worker inside the app does not hear the channel."""
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.board.order_drain(0)
        gate.let_go()
        assert client.answer().closes


def test_a_draining_worker_leaves_new_connections_to_the_others(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        with one.connect() as late:
            late.get("/")
            gate.let_go()
            assert client.answer().body == b"ok"
            assert one.wait() == 0
            other = worker(app, kind=kind, listeners=one.listeners, board=one.board, slot=1)
            assert late.answer().body == b"ok"
            assert other.view.requests <= 1


def test_what_waits_in_the_backlog_is_answered_where_it_is_to_be_emptied(worker, kind, app):
    one = worker(app, kind=kind)
    one.signal(signal.SIGSTOP)
    clients = [one.connect() for _ in range(20)]
    for client in clients:
        client.get("/")
    one.drain(empty_backlog=True)
    one.signal(signal.SIGCONT)
    for client in clients:
        answer = client.answer()
        assert (answer.body, answer.closes) == (b"ok", True)
        client.close()
    assert one.wait() == 0


def test_a_draining_worker_lets_go_of_the_listeners(worker, kind, app):
    """Once the arbiter has closed its own, a client that comes is refused, and does not wait in vain."""
    one = worker(app, kind=kind)
    with one.connect() as client, one.connect() as other:
        client.get("/").answer()
        other.get("/").answer()
        address = one.listeners[0].sock.getsockname()
        one.listeners[0].close(unlink=False)
        one.drain()
        assert client.get("/").answer().closes
        assert other.get("/").answer().closes  # the order was obeyed at the end of the turn before
        with pytest.raises(ConnectionRefusedError):
            RawClient(address)
    assert one.wait() == 0


def test_a_second_order_to_drain_changes_nothing(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        one.order(Drain(0, empty_backlog=True))
        gate.let_go()
        assert client.answer().body == b"ok"
    assert one.wait() == 0


def test_a_deadline_is_the_arbiters_to_enforce(worker, app, gate):
    one = worker(app, kind="thread")
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain(seconds=0)
        gate.let_go()
        assert client.answer().body == b"ok"
    assert one.wait() == 0


def test_a_dismissed_worker_ends_at_once(worker, kind, app):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/").answer()
        one.quit()
        assert one.wait() == 0
        assert client.read_rest() == b""


def test_a_dismissed_thread_worker_does_not_wait_for_its_threads(worker, app, gate):
    one = worker(app, kind="thread")
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.quit()
        assert one.wait() == 0
        assert client.read_rest() == b""


def test_a_draining_worker_can_be_dismissed(worker, app, gate):
    one = worker(app, kind="thread")
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        one.quit()
        assert one.wait() == 0


@pytest.mark.slow
def test_a_sync_worker_that_waits_for_a_client_can_be_dismissed(worker, gate):
    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * (1 << 20)
        finally:
            gate.tell()

    one = worker(app, kind="sync")
    with one.connect() as client:
        client.get("/")
        client.read(1)
        one.quit()
        gate.wait()
        assert one.wait() == 0


def test_an_orphan_answers_what_there_is_and_ends(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as client, one.connect() as idle:
        idle.get("/").answer()
        client.get("/hold")
        gate.wait()
        with one.connect() as waiting:
            waiting.get("/")
            one.hang_up()
            gate.let_go()
            assert client.answer().body == b"ok"
            assert waiting.answer().body == b"ok"
        idle.close()
    assert one.wait() == 0


def test_an_orphan_gives_up_after_the_graceful_timeout(worker, app, gate):
    one = worker(app, kind="thread", processes={"graceful_timeout": 0.2})
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.hang_up()
        assert one.wait() == 0
        assert client.read_rest() == b""
