"""What is refused, and what an app can do wrong."""

import asyncio

import pytest

from .apps import CHUNKED, MIB, POST, Routes, answer, piece, start

REFUSED = {
    "malformed": (b"GET / HTTP/1.1\r\nHost : test\r\n\r\n", 400),
    "old version": (b"GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505),
    "long line": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 414),
    "large body": (POST % (b"/echo", 1 << 40), 413),
    "large small body": (CHUNKED % b"/echo" + b"fffffff\r\n", 413),
    "bad chunk": (CHUNKED % b"/echo" + b"zz\r\n", 400),
    "websocket": (
        b"GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        501,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused_and_the_connection_closed(run, app, case):
    data, status = REFUSED[case]
    one = run(app, http={"limit_request_body": 10 * MIB})
    with one.connect() as client:
        client.send(data)
        reply = client.answer()
        assert (reply.status, reply.closes) == (status, True)
        assert client.read_rest() == b""
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    assert "ERROR" not in one.log


def test_any_other_upgrade_is_an_offer_that_is_not_taken(worker, app):
    one = worker(app, kind="async")
    with one.connect() as client:
        assert client.get("/", "Connection: Upgrade", "Upgrade: h2c").answer().body == b"ok"


def test_an_app_that_fails_is_answered_for_and_logged_once(run):
    async def app(scope, receive, send):
        raise RuntimeError("the app raised")

    one = run(app, settings={"asgi_lifespan": "off"})
    with one.connect() as client:
        assert client.get("/fails?x=1").answer().status == 500
        assert client.get("/fails?x=1").answer().status == 500
    one.drain()
    assert one.wait() == 0
    assert one.log.count("Error handling request GET /fails?x=1 (answered 500)") == 2
    assert one.log.count("RuntimeError: the app raised") == 2


def test_an_app_that_calls_sys_exit_does_not_take_others_with_it(run, gate):
    app = Routes()

    @app.route
    async def exits(scope, receive, send):
        raise SystemExit(7)

    @app.route
    async def hold(scope, receive, send):
        await gate.pass_through()
        await answer(send, b"held")

    one = run(app)
    with one.connect() as client, one.connect() as other:
        other.get("/hold")
        gate.wait()
        assert client.get("/exits").answer().status == 500
        gate.let_go()
        assert other.answer().body == b"held"


def test_a_response_that_breaks_off_is_seen_to_be_incomplete(run):
    async def app(scope, receive, send):
        await start(send)
        await piece(send, b"first")
        raise RuntimeError("midway")

    one = run(app)
    with one.connect() as client:
        client.get("/")
        client.read_head()
        assert client.read_rest() == b"5\r\nfirst\r\n"
    with one.connect() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        client.read_head()
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(100):
                pass


def test_what_nobody_awaited_is_in_the_log(run):
    async def fails():
        raise RuntimeError("nobody looked")

    async def app(scope, receive, send):
        task = asyncio.ensure_future(fails())
        await asyncio.sleep(0)
        del task
        await answer(send, b"ok")

    one = run(app)
    with one.connect() as client:
        client.get("/").answer()
    one.wait_log("nobody looked")
    assert "Event loop: Task exception was never retrieved" in one.log
