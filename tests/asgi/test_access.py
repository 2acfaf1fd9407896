"""What the access log learns of a request."""

import asyncio

import pytest

from .harness import TCP, Call, call


class Lines:
    """An access log that keeps what it is asked to log."""

    def __init__(self):
        self.exchanges = []

    def log(self, exchange):
        names = ("remote_addr", "method", "target", "path", "query", "protocol", "status", "bytes_sent")
        self.exchanges.append({name: getattr(exchange, name) for name in names} | {"exchange": exchange})


@pytest.fixture
def lines():
    return Lines()


def test_a_request_and_its_response_are_logged_once(lines):
    async def app(scope, receive, send):
        scope["path"] = "/changed by the app"
        await send({"type": "http.response.start", "status": 201, "headers": [(b"X-Kind", b"test")]})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"cd"})

    call(app, b"GET /a%20b?c=d HTTP/1.1\r\nHost: test\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n", access_log=lines)
    (entry,) = lines.exchanges
    exchange = entry.pop("exchange")
    assert entry == {
        "remote_addr": "192.0.2.7",
        "method": "GET",
        "target": "/a%20b?c=d",
        "path": "/a b",
        "query": "c=d",
        "protocol": "HTTP/1.1",
        "status": "201",
        "bytes_sent": 4,
    }
    assert exchange.duration_ns > 0
    assert exchange.request_header("X-Twice") == "1,2"
    assert exchange.request_header("missing") is None
    assert exchange.response_header("x-kind") == "test"
    assert exchange.response_header("missing") is None
    assert exchange.variable("http_version") == "1.1"
    assert exchange.variable("missing") is None


def test_a_client_of_a_unix_socket_has_no_address(lines):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    call(app, b"GET / HTTP/1.0\r\n\r\n", access_log=lines, info=TCP._replace(client=None))
    assert lines.exchanges[0]["remote_addr"] is None
    assert lines.exchanges[0]["protocol"] == "HTTP/1.0"


async def raises(scope, receive, send):
    raise RuntimeError


async def returns_midway(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})


ENDS = {"500": (raises, "500", 22), "cut": (returns_midway, "200", 3)}


@pytest.mark.parametrize("case", ENDS)
def test_a_response_that_goes_wrong_is_logged_too(lines, log, case):
    app, status, sent = ENDS[case]
    call(app, access_log=lines)
    (entry,) = lines.exchanges
    assert (entry["status"], entry["bytes_sent"]) == (status, sent)


def test_a_request_whose_client_left_has_no_status(lines):
    async def app(scope, receive, send):
        await receive()
        await receive()

    async def run():
        one = Call(app, access_log=lines).start()
        await asyncio.sleep(0)
        one.cycle.cut()
        await one.finish()

    asyncio.run(run())
    (entry,) = lines.exchanges
    assert (entry["status"], entry["bytes_sent"]) == ("-", 0)
