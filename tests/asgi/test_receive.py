"""What the app receives: ASGI HTTP, "Request" and "Disconnect"."""

import asyncio

from pfork.asgi.http import HIGH_WATER
from pfork.http1 import CONTINUE

from .harness import GET, Call, FakeTransport, call

POST = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECT = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"


class Listener:
    """An app that keeps what it receives, until it has received ``count`` messages."""

    def __init__(self, count=1):
        self.messages = []
        self._count = count

    async def __call__(self, scope, receive, send):
        while len(self.messages) < self._count:
            self.messages.append(await receive())
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    @property
    def body(self):
        return b"".join(message["body"] for message in self.messages)


async def settle():
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_request_without_a_body_is_one_message():
    app = Listener()
    transport = call(app)
    assert app.messages == [{"type": "http.request", "body": b"", "more_body": False}]
    assert transport.events == ["ended, keep", "app returned"]  # nobody was asked for anything


def test_a_body_that_is_there_is_one_message():
    app = Listener()
    call(app, POST % 5 + b"hello")
    assert app.messages == [{"type": "http.request", "body": b"hello", "more_body": False}]


def test_a_body_comes_piece_by_piece():
    async def run():
        app = Listener(3)
        one = Call(app, POST % 6 + b"ab").start()
        await settle()
        one.feed(b"cd")
        await settle()
        one.feed(b"ef")
        await one.finish()
        assert app.messages == [
            {"type": "http.request", "body": b"ab", "more_body": True},
            {"type": "http.request", "body": b"cd", "more_body": True},
            {"type": "http.request", "body": b"ef", "more_body": False},
        ]

    asyncio.run(run())


def test_chunks_are_decoded_and_an_empty_end_is_told():
    async def run():
        app = Listener(2)
        one = Call(app, CHUNKED + b"3\r\nabc\r\n").start()
        await settle()
        one.feed(b"0\r\n\r\n")
        await one.finish()
        assert app.messages == [
            {"type": "http.request", "body": b"abc", "more_body": True},
            {"type": "http.request", "body": b"", "more_body": False},
        ]

    asyncio.run(run())


def test_what_comes_while_the_app_is_busy_is_one_message():
    async def run():
        app = Listener()
        one = Call(app, POST % 6)
        for piece in (b"ab", b"cd", b"ef"):
            one.feed(piece)
        await one.finish()
        assert app.messages == [{"type": "http.request", "body": b"abcdef", "more_body": False}]

    asyncio.run(run())


def test_the_client_is_read_no_further_than_the_app_keeps_up():
    async def run():
        app = Listener(2)
        size = 2 * HIGH_WATER + 2
        one = Call(app, POST % size)
        one.feed(b"x" * HIGH_WATER)
        assert one.transport.events == []
        one.feed(b"y")
        assert one.transport.events == ["pause_reading"]
        one.start()
        await settle()
        assert one.transport.events == ["pause_reading", "resume_reading", "want_body"]
        one.feed(b"z" * (HIGH_WATER + 1))
        await one.finish()
        assert len(app.body) == size

    asyncio.run(run())


def test_a_client_that_waits_to_be_asked_is_asked_at_the_first_receive():
    async def run():
        app = Listener(1)
        one = Call(app, EXPECT)
        assert one.transport.written == []
        one.start()
        await settle()
        assert one.transport.written == [CONTINUE]
        one.feed(b"body")
        await one.finish()
        assert app.body == b"body"
        assert one.transport.sent.count(CONTINUE) == 1

    asyncio.run(run())


def test_a_client_that_does_not_wait_to_be_asked_is_not_asked():
    async def run():
        app = Listener(1)
        one = Call(app, EXPECT)
        one.feed(b"body")
        await one.finish()
        assert CONTINUE not in one.transport.sent

    asyncio.run(run())


def test_a_body_that_nobody_wants_is_not_asked_for():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 403})
        await send({"type": "http.response.body"})

    transport = call(app, EXPECT)
    assert CONTINUE not in transport.sent
    assert b"Connection: close" in transport.sent


def test_after_the_response_there_is_only_the_disconnect():
    kinds = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})
        for _ in range(2):
            kinds.append((await receive())["type"])

    call(app)
    assert kinds == ["http.disconnect"] * 2


def test_the_end_of_the_response_wakes_who_waits_for_the_disconnect():
    kinds = []

    async def app(scope, receive, send):
        await receive()
        watcher = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})
        kinds.append((await watcher)["type"])

    call(app)
    assert kinds == ["http.disconnect"]


def test_a_client_that_closes_is_told_and_may_still_be_answered():
    """It may have closed its sending side only."""

    async def app(scope, receive, send):
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"all the same"})

    async def run():
        one = Call(app).start()
        await settle()
        one.cycle.client_left()
        await one.finish()
        assert one.transport.sent.endswith(b"all the same")

    asyncio.run(run())


def test_a_whole_body_is_given_before_the_disconnect():
    async def run():
        app = Listener(2)
        one = Call(app, POST % 3 + b"abc")
        one.cycle.client_left()
        await one.finish()
        assert [message["type"] for message in app.messages] == ["http.request", "http.disconnect"]

    asyncio.run(run())


def test_half_a_body_is_not_given_after_the_client_has_left(log):
    async def run():
        app = Listener(1)
        one = Call(app, POST % 10 + b"half")
        one.cycle.cut()
        await one.finish()
        assert app.messages == [{"type": "http.disconnect"}]

    asyncio.run(run())
    assert log.problems == []


def test_all_that_wait_in_receive_are_woken():
    kinds = []

    async def app(scope, receive, send):
        await receive()
        both = await asyncio.gather(receive(), receive())
        kinds.extend(message["type"] for message in both)

    async def run():
        one = Call(app).start()
        await settle()
        one.cycle.cut()
        await one.finish()

    asyncio.run(run())
    assert kinds == ["http.disconnect"] * 2


def test_a_receive_that_was_cancelled_takes_nothing_with_it():
    async def run():
        bodies = []

        async def app(scope, receive, send):
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.sleep(0)
            bodies.append((await receive())["body"])

        one = Call(app, POST % 3).start()
        await settle()
        one.feed(b"abc")
        await one.finish()
        assert bodies == [b"abc"]

    asyncio.run(run())


def test_receive_and_send_make_no_future_where_they_need_not_wait():
    class CountingLoop(asyncio.SelectorEventLoop):
        futures = 0

        def create_future(self):
            CountingLoop.futures += 1
            return super().create_future()

    async def run():
        one = Call(Listener(), GET)
        before = CountingLoop.futures
        await one.cycle.run()
        return CountingLoop.futures - before

    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        assert runner.run(run()) == 0


def test_a_fake_is_enough():
    """The gateway holds no socket."""
    assert call(Listener(), transport=FakeTransport()).sent.startswith(b"HTTP/1.1 200 OK")
