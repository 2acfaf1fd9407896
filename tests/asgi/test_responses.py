"""What the app sends, and what the client gets: ASGI HTTP, "Response Start" and "Response Body"."""

import asyncio
from http import HTTPStatus

import pytest

from pfork.asgi import ClientDisconnected

from .harness import GET, Call, FakeTransport, body_of, call

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def sending(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_a_whole_response_is_one_write_with_its_length():
    transport = call(sending(START, body(b"hello")))
    assert len(transport.written) == 1
    head, _, rest = transport.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n")
    assert rest == b"hello"
    assert transport.events == ["ended, keep", "app returned"]


def test_nothing_is_written_before_the_first_body_message():
    transport = FakeTransport()
    seen = []

    async def app(scope, receive, send):
        await send(START)
        seen.append(list(transport.written))
        await send(body(b"x"))

    call(app, transport=transport)
    assert seen == [[]]


def test_pieces_are_chunks_and_each_is_sent_when_it_comes():
    transport = call(sending(START, body(b"one", True), body(b"", True), body(b"three", True), body(b"!")))
    assert b"Transfer-Encoding: chunked" in transport.written[0]
    assert transport.written[0].endswith(b"\r\n\r\n3\r\none\r\n")
    assert transport.written[1:] == [b"5\r\nthree\r\n", b"1\r\n!\r\n0\r\n\r\n"]


def test_an_empty_first_piece_sends_the_head():
    transport = call(sending(START, body(b"", True), body(b"late")))
    assert transport.written[0].endswith(b"\r\n\r\n")
    assert transport.written[1] == b"4\r\nlate\r\n0\r\n\r\n"


def test_pieces_of_an_announced_length_are_sent_as_they_are():
    start = {**START, "headers": [(b"content-length", b"6")]}
    transport = call(sending(start, body(b"abc", True), body(b"def", True), body()))
    assert transport.sent.endswith(b"\r\n\r\nabcdef")
    assert transport.events == ["ended, keep", "app returned"]


def test_pieces_to_an_old_client_end_with_the_connection():
    transport = call(sending(START, body(b"a", True), body(b"b")), b"GET / HTTP/1.0\r\n\r\n")
    assert transport.sent.endswith(b"\r\n\r\nab")
    assert transport.events == ["ended, close", "app returned"]


def test_head_gets_the_head_alone():
    transport = call(sending(START, body(b"hello")), b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert b"Content-Length: 5" in transport.sent
    assert transport.sent.endswith(b"\r\n\r\n")


BODILESS = {204: b"", 304: b"", 205: b"Content-Length: 0"}


@pytest.mark.parametrize("status", BODILESS)
def test_a_response_without_content_has_no_body(status):
    transport = call(sending({"type": "http.response.start", "status": status}, body()))
    assert BODILESS[status] in transport.sent
    assert transport.sent.endswith(b"\r\n\r\n")
    assert transport.events[0] == "ended, keep"


def test_a_large_body_is_not_copied_behind_its_head():
    transport = call(sending(START, body(b"x" * 100_000)))
    assert transport.events[0] == "write_parts"
    assert len(body_of(transport.sent)) == 100_000


KINDS_OF_BYTES = [b"abc", bytearray(b"abc"), memoryview(b"abc")]


@pytest.mark.parametrize("data", KINDS_OF_BYTES, ids=lambda data: type(data).__name__)
def test_whatever_holds_bytes_is_a_body(data):
    assert body_of(call(sending(START, body(data))).sent) == b"abc"


HEADERS = {
    "missing": {},
    "list of lists": {"headers": [[b"x-a", b"1"]]},
    "tuple": {"headers": ((b"x-a", b"1"),)},
    "generator": {"headers": ((name, b"1") for name in (b"x-a",))},
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_may_be_any_iterable_of_pairs(case):
    start = {"type": "http.response.start", "status": 200, **HEADERS[case]}
    sent = call(sending(start, body())).sent
    assert (b"x-a: 1" in sent) == (case != "missing")


def test_headers_are_those_of_the_moment_of_the_message():
    async def app(scope, receive, send):
        headers = [(b"x-a", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        headers.clear()
        await send(body(b""))

    assert b"x-a: 1" in call(app).sent


STATUSES = {200: b"200 OK", HTTPStatus.NOT_FOUND: b"404 Not Found", 299: b"299 ", 799: b"799 "}


@pytest.mark.parametrize("status", STATUSES)
def test_any_final_status_may_be_sent(status):
    sent = call(sending({"type": "http.response.start", "status": status}, body())).sent
    assert sent.startswith(b"HTTP/1.1 " + STATUSES[status] + b"\r\n")


def test_what_is_sent_after_the_end_is_ignored(log):
    transport = call(sending(START, body(b"x"), body(b"y"), START, {"type": "nonsense"}))
    assert body_of(transport.sent) == b"x"
    assert log.problems == []


def test_the_app_may_go_on_after_its_response():
    done = []

    async def app(scope, receive, send):
        await send(START)
        await send(body(b"x"))
        done.append(list(transport.events))
        await asyncio.sleep(0)
        done.append("later")

    transport = FakeTransport()
    call(app, transport=transport)
    assert done == [["ended, keep"], "later"]
    assert transport.events == ["ended, keep", "app returned"]


CLOSING = {
    "the client says so": (b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", [], True),
    "the client is old": (b"GET / HTTP/1.0\r\n\r\n", [], True),
    "the app says so": (GET, [(b"connection", b"close")], True),
    "the worker says so": (GET, [], False),
}


@pytest.mark.parametrize("case", CLOSING)
def test_a_connection_is_closed_where_somebody_wants_it(case):
    data, headers, keep_alive = CLOSING[case]
    transport = FakeTransport()
    transport.keep_alive = keep_alive
    call(sending({**START, "headers": headers}, body(b"x")), data, transport=transport)
    assert transport.events[0] == "ended, close"
    assert b"Connection: close" in transport.sent


def test_an_upload_that_was_not_read_ends_the_connection():
    data = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nbeginning"
    transport = call(sending(START, body(b"no")), data)
    assert b"Connection: close" in transport.sent
    assert transport.events[0] == "ended, close"


def test_send_waits_while_the_client_does_not_read():
    reached = []

    async def app(scope, receive, send):
        await send(START)
        for number in range(3):
            await send(body(b"x", True))
            reached.append(number)
        await send(body())

    async def run():
        one = Call(app)
        one.transport.is_writable = False
        one.start()
        await asyncio.sleep(0)
        assert reached == []
        assert one.transport.events == ["wait_writable"]
        one.transport.let_write()
        await one.finish()
        assert reached == [0, 1, 2]

    asyncio.run(run())


@pytest.mark.parametrize("size", [1 << 20, 1])
def test_a_stream_that_the_client_takes_at_once_lets_others_have_their_turn(size):
    async def app(scope, receive, send):
        await send(START)
        while True:
            await send(body(b"x" * size, True))

    async def run():
        one = Call(app).start()
        for _ in range(3):
            await asyncio.sleep(0)  # would never come back
        one.cycle.cut()
        await one.finish()

    asyncio.run(run())


def test_an_app_that_sends_for_ever_after_the_end_does_not_stop_the_loop(log):
    async def app(scope, receive, send):
        while True:
            await send(START)
            await send(body())

    async def run():
        one = Call(app).start()
        for _ in range(3):
            await asyncio.sleep(0)  # would never come back
        one.task.cancel()
        await one.finish()

    asyncio.run(run())


def test_the_last_piece_does_not_wait_for_the_client():
    transport = FakeTransport()
    transport.is_writable = False
    call(sending(START, body(b"x")), transport=transport)
    assert transport.events == ["ended, keep", "app returned"]


def test_send_raises_once_the_client_has_left(log):
    caught = []

    async def app(scope, receive, send):
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        for message in (START, body(b"x")):
            try:
                await send(message)
            except OSError as error:
                caught.append(error)

    async def run():
        one = Call(app).start()
        await asyncio.sleep(0)
        one.cycle.cut()
        await one.finish()
        assert one.transport.written == []

    asyncio.run(run())
    assert [type(error) for error in caught] == [ClientDisconnected] * 2
    assert log.problems == []


def test_send_raises_when_the_client_leaves_while_it_waits(log):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"x", True))

    async def run():
        one = Call(app)
        one.transport.is_writable = False
        one.start()
        await asyncio.sleep(0)
        one.cycle.cut()
        one.transport.let_write()
        await one.finish()

    asyncio.run(run())
    assert log.problems == []
    assert any("ClientDisconnected" in text for text in log.of("DEBUG"))
