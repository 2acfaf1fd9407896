"""What an app can do wrong, and what the client and the log get."""

import asyncio
import sys

import pytest

from pfork.asgi import ClientDisconnected

from .harness import GET, Call, body_of, call

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
OLD = b"GET / HTTP/1.0\r\n\r\n"


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def length(count):
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(count).encode())]}


def start(**values):
    return {**START, **values}


# What is sent -> what the error says. Nothing has been written, so the client gets a 500.
REFUSED = {
    "unknown type": ([{"type": "http.response.nonsense"}], "'http.response.nonsense': must be"),
    "no type": ([{"status": 200}], "None: must be"),
    "body before the start": ([body(b"x")], "http.response.body was sent before http.response.start"),
    "two starts": ([START, START], "http.response.start was sent twice"),
    "trailers": ([START, {"type": "http.response.trailers"}], "'http.response.trailers': must be"),
    "no status": ([{"type": "http.response.start"}, body()], "status must be an int, not NoneType"),
    "status as text": ([start(status="200 OK"), body()], "status must be an int, not str"),
    "status that is not final": ([start(status=103), body()], "status 103: must be 200 to 999"),
    "status out of range": ([start(status=1000), body()], "status 1000: must be 200 to 999"),
    "headers as a dict": (
        [start(headers={b"a": b"b"}), body()],
        "headers must be an iterable of pairs of bytes, not dict",
    ),
    "headers as text": ([start(headers="a: b"), body()], "headers must be an iterable of pairs of bytes, not str"),
    "headers None": ([start(headers=None), body()], "headers must be an iterable of pairs of bytes, not NoneType"),
    "header of text": ([start(headers=[("a", "b")]), body()], "must be a list of pairs of bytes"),
    "header value of text": ([start(headers=[(b"a", "b")]), body()], "must be a list of pairs of bytes"),
    "header that is no pair": ([start(headers=[b"a"]), body()], "must be a list of pairs of bytes"),
    "header with a line break": ([start(headers=[(b"a", b"b\r\nc: d")]), body()], "CR, LF or NUL"),
    "header with a bad name": ([start(headers=[(b"a b", b"c")]), body()], "token characters"),
    "two lengths": (
        [start(headers=[(b"content-length", b"1"), (b"content-length", b"1")]), body(b"x")],
        "two Content-Length headers",
    ),
    "body of text": ([START, body("text")], "body must be bytes, not str"),
    "body None": ([START, body(None)], "body must be bytes, not NoneType"),
    "too few bytes at once": ([length(50), body(b"hello")], "the body ended after 5 bytes: Content-Length is 50"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_message_raises_in_the_app_and_the_client_gets_500(log, case):
    messages, text = REFUSED[case]
    raised = []

    async def app(scope, receive, send):
        for message in messages:
            try:
                await send(message)
            except Exception as error:
                raised.append(str(error))
                raise

    transport = call(app)
    assert len(raised) == 1
    assert text in raised[0]
    assert transport.sent.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert body_of(transport.sent) == b"Internal Server Error\n"
    assert transport.events == ["ended, keep", "app returned"]
    assert len(log.problems) == 1
    assert "Error handling request GET / (answered 500)" in log.problems[0]
    assert text in log.problems[0]


async def raises(scope, receive, send):
    raise RuntimeError("the app raised")


async def raises_after_the_start(scope, receive, send):
    await send(START)
    raise RuntimeError("the app raised")


async def exits(scope, receive, send):
    sys.exit(7)


async def interrupts(scope, receive, send):
    raise KeyboardInterrupt


async def cancels_itself(scope, receive, send):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def returns_nothing(scope, receive, send):
    pass


async def returns_after_the_start(scope, receive, send):
    await send(START)


async def looks_like_wsgi(scope, receive, send):
    return [b"hello"]


FAILING = {
    "raises": (raises, "the app raised"),
    "raises after the start": (raises_after_the_start, "the app raised"),
    "exits": (exits, "SystemExit: 7"),
    "interrupts": (interrupts, "KeyboardInterrupt"),
    "cancels itself": (cancels_itself, "CancelledError"),
    "returns nothing": (returns_nothing, "the app returned without a response"),
    "returns after the start": (returns_after_the_start, "returned before the last body message"),
    "looks like WSGI": (looks_like_wsgi, "returned without a response, but list: is it a WSGI or an ASGI 2 app?"),
    "is no coroutine function": (lambda scope, receive, send: None, "object NoneType can't be used in 'await'"),
}


@pytest.mark.parametrize("case", FAILING)
def test_an_app_that_fails_before_its_response_is_answered_for_with_500(log, case):
    app, text = FAILING[case]
    transport = call(app, b"GET /x?y=1 HTTP/1.1\r\nHost: test\r\n\r\n")
    assert transport.sent.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert transport.events[-1] == "app returned"
    assert len(log.problems) == 1
    assert "Error handling request GET /x?y=1 (answered 500)" in log.problems[0]
    assert text in log.problems[0]


def test_the_traceback_begins_where_the_app_was_called(log):
    call(raises)
    assert log.problems[0].count("File ") == 1
    assert "in raises" in log.problems[0]


def test_an_error_page_has_no_body_for_head():
    transport = call(raises, b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert transport.sent.endswith(b"\r\n\r\n")


async def raises_midway(scope, receive, send):
    await send(length(10))
    await send(body(b"first", True))
    raise RuntimeError("midway")


async def returns_midway(scope, receive, send):
    await send(START)
    await send(body(b"first", True))


async def too_few(scope, receive, send):
    await send(length(50))
    await send(body(b"first", True))
    await send(body(b"last"))


MIDWAY = {
    "raises": (raises_midway, "midway"),
    "returns": (returns_midway, "returned before the last body message"),
    "too few bytes": (too_few, "the body ended after 9 bytes: Content-Length is 50"),
}


@pytest.mark.parametrize("case", MIDWAY)
@pytest.mark.parametrize(("data", "event"), [(GET, "broke"), (OLD, "broke, reset")], ids=["1.1", "1.0"])
def test_an_app_that_fails_midway_has_its_connection_cut(log, case, data, event):
    app, text = MIDWAY[case]
    transport = call(app, data)
    assert transport.events == [event, "app returned"]
    assert b"first" in transport.sent
    assert b"500" not in transport.sent
    assert len(log.problems) == 1
    assert "(its response had begun: connection cut)" in log.problems[0]
    assert text in log.problems[0]


async def too_many(scope, receive, send):
    await send(length(5))
    await send(body(b"hello and more"))


async def too_many_in_pieces(scope, receive, send):
    await send(length(5))
    await send(body(b"hel", True))
    await send(body(b"lo and", True))
    await send(body(b" more"))


async def too_many_at_first(scope, receive, send):
    await send(length(5))
    await send(body(b"hello and more", True))


@pytest.mark.parametrize("app", [too_many, too_many_in_pieces, too_many_at_first])
def test_more_bytes_than_announced_are_not_sent(log, app):
    transport = call(app)
    assert body_of(transport.sent) == b"hello"
    assert transport.events == ["ended, close", "app returned"]
    assert "Content-Length is 5" in log.problems[0]
    assert "(its response had been sent)" in log.problems[0]


def test_an_app_that_raises_after_its_response_is_logged(log):
    async def app(scope, receive, send):
        await send(START)
        await send(body(b"x"))
        raise RuntimeError("late")

    transport = call(app)
    assert transport.events == ["ended, keep", "app returned"]
    assert "(its response had been sent)" in log.problems[0]


class Wrapped(Exception):
    pass


async def lets_it_pass(scope, receive, send):
    await send(START)


async def wraps_it(scope, receive, send):
    try:
        await send(START)
    except OSError as error:
        raise Wrapped from error


async def replaces_it(scope, receive, send):
    try:
        await send(START)
    except OSError:
        raise Wrapped  # noqa: B904 - as frameworks do


async def groups_it(scope, receive, send):
    async with asyncio.TaskGroup() as group:
        group.create_task(send(START))


async def returns_quietly(scope, receive, send):
    try:
        await send(START)
    except OSError:
        return


@pytest.mark.parametrize("app", [lets_it_pass, wraps_it, replaces_it, groups_it, returns_quietly])
def test_the_echo_of_a_departure_is_no_error(log, app):
    async def run():
        one = Call(app)
        one.cycle.cut()
        await one.finish()
        assert one.transport.events == ["app returned"]
        assert one.transport.written == []

    asyncio.run(run())
    assert log.problems == []


def test_an_error_of_the_apps_own_is_logged_though_the_client_has_left(log):
    async def run():
        one = Call(raises)
        one.cycle.cut()
        await one.finish()

    asyncio.run(run())
    assert "(its client had left)" in log.problems[0]


def test_whatever_an_app_says_of_a_body_that_never_came_is_no_error(log):
    async def app(scope, receive, send):
        message = await receive()
        assert message["type"] == "http.disconnect"
        raise ValueError("half an upload")

    async def run():
        one = Call(app, b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf").start()
        one.cycle.cut()
        await one.finish()

    asyncio.run(run())
    assert log.problems == []


def test_an_app_that_stops_because_the_client_closed_has_done_nothing_wrong(log):
    async def app(scope, receive, send):
        await receive()
        await receive()

    async def run():
        one = Call(app).start()
        await asyncio.sleep(0)
        one.cycle.client_left()
        await one.finish()
        assert one.transport.events == ["broke", "app returned"]

    asyncio.run(run())
    assert log.problems == []


def test_the_error_is_one_of_the_connection():
    assert issubclass(ClientDisconnected, ConnectionError)


def test_a_coroutine_that_is_thrown_away_tells_nobody(log):
    """When a loop is closed with requests in progress."""

    async def app(scope, receive, send):
        await receive()
        await receive()

    async def prepare():
        one = Call(app)
        coroutine = one.cycle.run()
        coroutine.send(None)
        coroutine.close()
        assert one.transport.written == []

    asyncio.run(prepare())
    assert log.problems == []
