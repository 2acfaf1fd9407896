"""The gateway without a worker: a transport that keeps what is written, and requests as bytes."""

from __future__ import annotations

import asyncio

from pfork.asgi import AsgiGateway
from pfork.config import HttpSettings
from pfork.sockets import ConnectionInfo

TCP = ConnectionInfo("http", ("127.0.0.1", 8000), ("192.0.2.7", 4711))
GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


class FakeTransport:
    """What a worker's connection does, but for the socket."""

    def __init__(self):
        self.written = []
        self.events = []
        self.is_writable = True
        self.keep_alive = True
        self._writable = asyncio.Event()

    @property
    def sent(self):
        return b"".join(self.written)

    def write(self, data):
        self.written.append(bytes(data))

    def write_parts(self, head, body):
        self.written.append(head + body)
        self.events.append("write_parts")

    async def wait_writable(self):
        self.events.append("wait_writable")
        await self._writable.wait()

    def let_write(self):
        self.is_writable = True
        self._writable.set()

    def pause_reading(self):
        self.events.append("pause_reading")

    def resume_reading(self):
        self.events.append("resume_reading")

    def want_body(self):
        self.events.append("want_body")

    def may_keep_alive(self):
        return self.keep_alive

    def response_ended(self, keep_alive):
        self.events.append("ended, keep" if keep_alive else "ended, close")

    def response_broke(self, reset):
        self.events.append("broke, reset" if reset else "broke")

    def request_ended(self, cycle):
        self.events.append("app returned")


class Call:
    """One request to an app, inside a running loop.

    ``data`` is the request, or its beginning; ``feed`` brings more of its body.
    """

    def __init__(self, app, data=GET, *, transport=None, access_log=None, http=None, info=TCP, **options):
        gateway = AsgiGateway(app, http=http or HttpSettings(), access_log=access_log, **options)
        self.reader = gateway.reader(info)
        assert self.reader.receive(data)
        self.transport = transport or FakeTransport()
        self.cycle = gateway.cycle(self.reader, self.transport, self.reader.receive_body(), 0)
        self.task = None

    def start(self):
        self.task = asyncio.ensure_future(self.cycle.run())
        return self

    def feed(self, data):
        piece = self.reader.receive_body(data)
        self.cycle.feed(piece, self.reader.body_done)

    async def finish(self):
        await (self.task or self.start().task)
        return self.transport


def call(app, data=GET, **options):
    """Run an app for one request that is there in full; the transport afterwards."""

    async def run():
        return await Call(app, data, **options).finish()

    return asyncio.run(run())


def body_of(sent):
    """The body of one response with Content-Length."""
    _, _, body = sent.partition(b"\r\n\r\n")
    return body
