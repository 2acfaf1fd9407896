"""An async worker and clients that are slow, silent or greedy: each costs a connection, and nobody else's time."""

import contextlib
import os
import resource

import pytest

from .apps import Routes, answer, piece, read_body, start

SHORT = 0.2
MIB = 1 << 20


@pytest.fixture
def app(gate):
    app = Routes()

    @app.route
    async def echo(scope, receive, send):
        gate.say(b"e")
        try:
            body = await read_body(receive)
        except ConnectionError:
            gate.say(b"d")
            raise
        await answer(send, body)

    @app.route
    async def mirror(scope, receive, send):
        await start(send)
        while (await receive())["type"] == "http.request":
            await piece(send, b"more")
        gate.say(b"d")

    @app.route
    async def hold(scope, receive, send):
        await gate.pass_through()
        await answer(send, b"held")

    @app.route
    async def endless(scope, receive, send):
        await start(send)
        gate.say(b"e")
        try:
            while True:
                await piece(send, b"x" * MIB)
        except OSError:
            gate.say(b"o")
            raise

    @app.route
    async def big(scope, receive, send):
        await answer(send, b"x" * (16 * MIB))
        gate.say(b"b")

    return app


def test_a_client_that_says_nothing_delays_nobody(run_on_unix_socket, app):
    one = run_on_unix_socket(app)
    with one.connect() as silent, one.connect() as half, one.connect() as other:
        half.send(b"GET / HTTP/1.1\r\nHo")
        assert other.get("/").answer().body == b"ok"
        assert half.send(b"st: test\r\n\r\n").answer().body == b"ok"
        assert silent.get("/").answer().body == b"ok"


def test_a_client_that_says_nothing_is_closed_without_a_word(run_on_unix_socket, app):
    one = run_on_unix_socket(app, http={"header_timeout": SHORT})
    with one.connect() as client:
        assert client.read_rest() == b""


SLOW = {
    "head": (b"GET / HTTP/1.1\r\nHo", "header_timeout"),
    "request line": (b"G", "header_timeout"),
    "small body": (b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\na", "body_timeout"),
    "large body": (b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\na", "body_timeout"),
    "chunk": (b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na", "body_timeout"),
    "body that has not begun": (b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n", "body_timeout"),
}


@pytest.mark.parametrize("case", SLOW)
def test_a_request_that_does_not_come_to_its_end_is_answered_408(run_on_unix_socket, app, case):
    data, setting = SLOW[case]
    one = run_on_unix_socket(app, http={setting: SHORT})
    with one.connect() as client:
        client.send(data)
        reply = client.answer()
        assert (reply.status, reply.closes) == (408, True)
        assert setting.encode() in reply.body
        assert client.read_rest() == b""
    one.drain()
    assert one.wait() == 0
    assert "ERROR" not in one.log


def test_an_app_learns_that_a_body_will_not_come(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(app, http={"body_timeout": SHORT})
    with one.connect() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\na")
        assert (gate.hear(), gate.hear()) == (b"e", b"d")
        assert client.answer().status == 408


def test_a_body_that_stalls_after_the_response_has_begun_cuts_it(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(app, http={"body_timeout": SHORT})
    with one.connect() as client:
        client.send(b"POST /mirror HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\na")
        client.read_head()
        assert gate.hear() == b"d"
        assert client.read_rest() == b"4\r\nmore\r\n"


def test_a_second_request_has_the_same_deadlines(run_on_unix_socket, app):
    one = run_on_unix_socket(app, http={"header_timeout": SHORT})
    with one.connect() as client:
        assert client.get("/").answer().body == b"ok"
        client.send(b"GET / HT")
        assert client.answer().status == 408


def test_the_beginning_of_a_pipelined_request_has_a_deadline_too(run_on_unix_socket, app):
    one = run_on_unix_socket(app, http={"keepalive": SHORT})
    with one.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT")
        assert client.answer().status == 200
        assert client.answer().status == 408


def test_an_idle_connection_is_closed_without_a_word(run_on_unix_socket, app):
    one = run_on_unix_socket(app, http={"keepalive": SHORT})
    with one.connect() as client:
        assert client.get("/").answer().closes is False
        assert client.read_rest() == b""


def test_no_connection_is_kept_where_keepalive_is_zero(run_on_unix_socket, app):
    one = run_on_unix_socket(app, http={"keepalive": 0})
    with one.connect() as client:
        assert client.get("/").answer().closes
        assert client.read_rest() == b""


def test_a_stream_to_a_client_that_does_not_read_is_cut_and_the_app_freed(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(app, http={"send_timeout": SHORT})
    with one.connect() as client:
        client.get("/endless")
        assert (gate.hear(), gate.hear()) == (b"e", b"o")
        client.read_rest()
    one.drain()
    assert one.wait() == 0
    assert "ERROR" not in one.log


def test_a_response_that_nobody_takes_is_cut(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(app, http={"send_timeout": SHORT})
    with one.connect() as client:
        client.get("/big", "Connection: close")
        assert gate.hear() == b"b"
        one.drain()
        assert one.wait() == 0
        assert len(client.read_rest()) < 16 * MIB


def test_a_slow_reader_that_goes_on_reading_gets_all(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(app, http={"send_timeout": SHORT})
    with one.connect() as client, one.connect() as other:
        client.get("/big", "Connection: close")
        assert gate.hear() == b"b"
        client.read_head()
        taken = 0
        while taken < 16 * MIB:
            taken += len(client.read(min(MIB, 16 * MIB - taken)))
            assert other.get("/").answer().body == b"ok"
        assert client.read_rest() == b""


def test_an_app_may_take_longer_than_any_deadline_of_clients(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(
        app, http={"header_timeout": SHORT, "body_timeout": SHORT, "send_timeout": SHORT, "keepalive": SHORT}
    )
    with one.connect() as client, one.connect() as silent:
        client.get("/hold")
        gate.wait()
        assert silent.read_rest() == b""  # the deadlines have passed
        gate.let_go()
        assert client.answer().body == b"held"


def test_clients_do_not_pay_for_a_loop_that_was_blocked(run_on_unix_socket, gate):
    """Their bytes are there; it was the app that did not let anybody read them."""

    async def app(scope, receive, send):
        if scope["path"] == "/block":
            gate.hold()
        await answer(send, b"ok")

    one = run_on_unix_socket(app, http={"header_timeout": SHORT, "keepalive": SHORT})
    with one.connect() as client, one.connect() as blocker, one.connect() as silent:
        client.send(b"GET / HTT")
        blocker.get("/block")
        gate.wait()
        client.send(b"P/1.1\r\nHost: test\r\n\r\n")
        silent.sock.settimeout(1.0)
        with pytest.raises(TimeoutError):  # time passes while the loop is blocked
            silent.sock.recv(1)
        gate.let_go()
        assert client.answer().body == b"ok"


def test_a_full_worker_leaves_clients_waiting_and_lets_go_of_idle_ones(run_on_unix_socket, app):
    one = run_on_unix_socket(app, processes={"worker_connections": 2})
    with one.connect() as first:
        assert first.get("/").answer().closes is False
        for _ in range(3):
            with one.connect() as other:
                assert other.get("/").answer().closes  # the last place: it is not kept for anybody
                assert other.read_rest() == b""
        assert first.get("/").answer().closes is False


def test_a_client_that_waits_for_a_place_gets_it_when_another_leaves(run_on_unix_socket, app, gate):
    one = run_on_unix_socket(app, processes={"worker_connections": 2})
    with one.connect() as first, one.connect() as second, one.connect() as third:
        first.get("/hold")
        second.get("/hold")
        gate.wait(2)
        third.get("/")
        gate.let_go(2)
        assert first.answer().closes
        assert second.answer().body == b"held"
        assert third.answer().body == b"ok"


def test_a_worker_without_descriptors_closes_idle_connections_and_goes_on(run_on_unix_socket, app):
    one = run_on_unix_socket(app)
    few = len(os.listdir(f"/proc/{one.pid}/fd")) + 20
    resource.prlimit(one.pid, resource.RLIMIT_NOFILE, (few, few))
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            client = stack.enter_context(one.connect())
            assert client.get("/").answer().body == b"ok"
    one.wait_log("cannot accept a connection")
