"""What the tests of async workers share: an app made of routes, and a gate that does not stop the loop."""

from __future__ import annotations

import asyncio
import select
from collections import deque
from urllib.parse import parse_qs

from tests.workers.harness import Gate

MIB = 1 << 20
POST = b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


class Routes:
    """An ASGI app: ``@app.route`` coroutines by their names. Knows no lifespan."""

    def __init__(self):
        self._routes = {}

    def route(self, function):
        self._routes["/" + function.__name__] = function
        return function

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await self._routes.get(scope["path"], hello)(scope, receive, send)


async def hello(scope, receive, send):
    await answer(send, b"ok")


async def answer(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def start(send, *headers):
    await send({"type": "http.response.start", "status": 200, "headers": list(headers)})


async def piece(send, body, more=True):
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def read_body(receive):
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client left in the middle of its body")
        body += message["body"]
        if not message["more_body"]:
            return bytes(body)


def query_of(scope):
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}


class AsyncGate(Gate):
    """A gate at which a coroutine waits, and the loop goes on. Several may wait: the first goes first."""

    def __enter__(self):
        super().__enter__()
        self._app.setblocking(False)
        self._waiting = deque()
        return self

    async def pass_through(self, word=b"."):
        """Say that the app is here, and wait."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.add_reader(self._app, self._let_in)
        turn = loop.create_future()
        self._waiting.append(turn)
        self.say(word)
        await turn

    def say(self, word=b"."):
        """Tell the test something of one byte."""
        self._app.send(word)

    def hold(self):
        """As that of a gate for threads: the loop of the app stands still."""
        self.say()
        select.select([self._app], [], [])
        self._app.recv(1)

    def _let_in(self):
        for _ in self._app.recv(1):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if not self._waiting:
            asyncio.get_running_loop().remove_reader(self._app)

    # In the test

    def hear(self):
        """The next byte that an app says."""
        return self._test.recv(1)


def peak_memory(pid):
    """Bytes of memory that a process has had at most."""
    with open(f"/proc/{pid}/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


class Probe:
    """Does on request what real apps do. Each path is a method; any other is answered with ok. Knows no lifespan."""

    def __init__(self, gate):
        self.gate = gate

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await getattr(self, scope["path"][1:] or "hello", hello)(scope, receive, send)

    async def echo(self, scope, receive, send):
        await answer(send, await read_body(receive))

    async def mirror(self, scope, receive, send):
        """Sends each piece back as it comes."""
        await start(send)
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await piece(send, message["body"], more)

    async def count(self, scope, receive, send):
        await self.gate.pass_through()
        total = 0
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            total += len(message["body"])
        await answer(send, b"%d" % total)

    async def hold(self, scope, receive, send):
        await self.gate.pass_through()
        await answer(send, query_of(scope).get("n", "held").encode())

    async def big(self, scope, receive, send):
        await start(send)
        for _ in range(int(query_of(scope)["mib"])):
            await piece(send, b"x" * MIB)
        await piece(send, b"", more=False)

    async def after(self, scope, receive, send):
        await answer(send, b"answered")
        await self.gate.pass_through()
        self.gate.say(b"!")

    async def watch(self, scope, receive, send):
        await receive()
        self.gate.say(b"w")
        message = await receive()
        self.gate.say(b"d" if message["type"] == "http.disconnect" else b"?")

    async def drop(self, scope, receive, send):
        await answer(send, b"not read")

    async def endless(self, scope, receive, send):
        await start(send)
        try:
            while True:
                await piece(send, b"x" * 65536)
        except OSError:
            self.gate.say(b"o")
            raise
