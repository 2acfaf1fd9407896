"""How an async worker ends: drained, dismissed, or orphaned; and the app's lifespan around that."""

import asyncio
import signal

import pytest

from pfork.control import Drain
from tests.e2e.raw import RawClient

from .apps import Routes, answer, piece, start


class Living:
    """Gives an app a lifespan that says what happens: u(p), d(own)."""

    def __init__(self, app, gate):
        self._app = app
        self._gate = gate

    async def __call__(self, scope, receive, send):
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        self._gate.say(b"u")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._gate.say(b"d")
        await send({"type": "lifespan.shutdown.complete"})


@pytest.fixture
def app(gate):
    app = Routes()

    @app.route
    async def hold(scope, receive, send):
        await gate.pass_through()
        await answer(send, b"held")

    @app.route
    async def stream(scope, receive, send):
        await start(send)
        await piece(send, b"begun")
        await gate.pass_through()
        await piece(send, b"ended", more=False)

    @app.route
    async def after(scope, receive, send):
        await answer(send, b"answered")
        await gate.pass_through()
        gate.say(b"!")

    @app.route
    async def events(scope, receive, send):
        """A stream without end, as of server-sent events: waits for what does not come."""
        await start(send)
        await piece(send, b"data: hello\n\n")
        try:
            gate.say(b"e")
            await asyncio.get_running_loop().create_future()
        finally:
            gate.say(b"f")

    return app


def test_an_idle_worker_ends_at_once(run, app):
    one = run(app)
    one.drain()
    assert one.wait() == 0


def test_a_request_in_progress_is_answered_and_told_that_it_is_the_last(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        with one.connect() as late:  # not served: so the order has been obeyed
            late.get("/")
            gate.let_go()
            reply = client.answer()
            assert reply.body == b"held"
            assert client.read_rest() == b""
        assert one.wait() == 0


def test_a_response_in_progress_is_sent_to_its_end(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/stream")
        gate.wait()
        one.drain()
        gate.let_go()
        assert client.answer().body == b"begunended"
        assert client.read_rest() == b""
    assert one.wait() == 0


def test_a_request_that_is_being_sent_is_answered(run, app):
    one = run(app)
    with one.connect() as client, one.connect() as other:
        client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n")
        other.send(b"GET / HTTP/1.1\r\nHost")
        with one.connect() as third:
            assert third.get("/", "Connection: close").answer().body == b"ok"  # so the others have been read
        one.drain()
        client.send(b"abc")
        assert client.answer().body == b"ok"
        other.send(b": test\r\n\r\n")
        assert other.answer().closes
    assert one.wait() == 0


def test_an_idle_connection_gets_a_moment_for_a_request_that_is_on_its_way(run, app):
    one = run(app)
    with one.connect() as client:
        assert client.get("/").answer().closes is False
        one.drain()
        reply = client.get("/").answer()
        assert reply.body == b"ok"
        if not reply.closes:  # it was read before the order
            assert client.get("/").answer().closes
        assert client.read_rest() == b""
    assert one.wait() == 0


@pytest.mark.slow
def test_an_idle_connection_is_closed_after_that_moment(run, app):
    one = run(app)
    with one.connect() as client:
        client.get("/").answer()
        one.drain()
        assert client.read_rest() == b""
        assert one.wait() == 0


def test_work_after_the_response_is_finished_first(run, app, gate):
    one = run(app)
    with one.connect() as client:
        assert client.get("/after", "Connection: close").answer().body == b"answered"
        gate.wait()
        one.drain()
        assert client.read_rest() == b""
    one.channel.settimeout(0.3)
    with pytest.raises(TimeoutError):  # the worker has not gone
        one.channel.recv(1)
    gate.let_go()
    assert gate.hear() == b"!"
    assert one.wait() == 0


def test_a_draining_worker_leaves_new_connections_to_the_others(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        with one.connect() as late:
            late.get("/")
            gate.let_go()
            assert client.answer().body == b"held"
            other = run(app, listeners=one.listeners, board=one.board, slot=1)
            assert late.answer().body == b"ok"
            assert other.view.requests <= 1
    assert one.wait() == 0


def test_what_waits_in_the_backlog_is_answered_where_it_is_to_be_emptied(run, app):
    one = run(app)
    one.signal(signal.SIGSTOP)
    clients = [one.connect() for _ in range(20)]
    for client in clients:
        client.get("/")
    one.drain(empty_backlog=True)
    one.signal(signal.SIGCONT)
    for client in clients:
        assert client.answer().body == b"ok"
        client.close()
    assert one.wait() == 0


def test_a_draining_worker_lets_go_of_the_listeners(run, app):
    """Once the arbiter has closed its own, a client that comes is refused, and does not wait in vain."""
    one = run(app)
    with one.connect() as client:
        client.get("/").answer()
        address = one.listeners[0].sock.getsockname()
        one.listeners[0].close(unlink=False)
        one.drain()
        assert client.read_rest() == b""
        with pytest.raises(ConnectionRefusedError):
            RawClient(address)
    assert one.wait() == 0


def test_a_second_order_to_drain_changes_nothing(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        one.order(Drain(0, empty_backlog=True))
        gate.let_go()
        assert client.answer().body == b"held"
    assert one.wait() == 0


def test_a_dismissed_worker_ends_at_once(run, app, gate):
    one = run(Living(app, gate))
    assert gate.hear() == b"u"
    with one.connect() as client, one.connect() as idle:
        idle.get("/").answer()
        client.get("/events")
        assert gate.hear() == b"e"
        one.quit()
        assert one.wait() == 0
        assert gate.hear() == b"f"  # the app was cancelled; it was not shut down
        client.read_rest()
        assert idle.read_rest() == b""
    gate.say(b"-")
    assert gate.hear() == b"-"
    assert "Traceback" not in one.log


def test_a_dismissed_worker_does_not_wait_for_threads_of_the_app(run, gate):
    async def app(scope, receive, send):
        await asyncio.to_thread(gate.hold)

    one = run(app, settings={"asgi_lifespan": "off"})
    with one.connect() as client:
        client.get("/")
        gate.wait()
        one.quit()
        assert one.wait() == 0


def test_a_draining_worker_can_be_dismissed(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        one.quit()
        assert one.wait() == 0


def test_the_app_is_shut_down_after_the_last_request(run, app, gate):
    one = run(Living(app, gate))
    assert gate.hear() == b"u"
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        one.drain()
        gate.let_go()
        assert client.answer().body == b"held"
        client.read_rest()
    assert gate.hear() == b"d"
    assert one.wait() == 0


def test_a_stream_without_end_is_cut_in_time_for_the_shutdown(run, app, gate):
    one = run(Living(app, gate))
    assert gate.hear() == b"u"
    with one.connect() as client:
        client.get("/events?x=1")
        assert gate.hear() == b"e"
        one.drain(seconds=0.3)
        assert gate.hear() == b"f"
        assert gate.hear() == b"d"
        client.read_rest()
    assert one.wait() == 0
    assert "Cut at the end of the graceful timeout: GET /events?x=1" in one.log
    assert "Traceback" not in one.log


def test_an_orphan_answers_what_there_is_and_ends(run, app, gate):
    one = run(Living(app, gate))
    assert gate.hear() == b"u"
    with one.connect() as client, one.connect() as idle:
        idle.get("/").answer()
        client.get("/hold")
        gate.wait()
        with one.connect() as waiting:
            waiting.get("/")
            one.hang_up()
            assert waiting.answer().body == b"ok"
        gate.let_go()
        assert client.answer().body == b"held"
    assert gate.hear() == b"d"
    assert one.wait() == 0


def test_an_orphan_gives_up_after_the_graceful_timeout(run, gate):
    async def app(scope, receive, send):
        gate.say(b"e")
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                gate.say(b"c")  # and goes on

    one = run(app, processes={"graceful_timeout": 0.2}, settings={"asgi_lifespan": "off"})
    with one.connect() as client:
        client.get("/")
        assert gate.hear() == b"e"
        one.hang_up()
        assert one.wait() == 0
        assert client.read_rest() == b""


def test_a_terminated_worker_asks_for_a_replacement_and_serves_on(run, app):
    one = run(app)
    one.signal(signal.SIGTERM)
    assert type(one.report()).__name__ == "RetirementAsked"
    with one.connect() as client:
        assert client.get("/").answer().body == b"ok"
    one.drain()
    assert one.wait() == 0
