"""One request and its response: what the app's ``receive`` and ``send`` do (ASGI HTTP 2.4).

The head of the response is held back until the first body message (as "Response Start" allows) and goes out
together with it in one write; until then a failing app can still be answered with 500.

Neither ``receive`` nor ``send`` makes a future unless it has to wait.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Generator
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final

from pfork.asgi.checks import Head, read_body, read_start
from pfork.asgi.contract import Application, ClientDisconnected, InvalidMessage, Message, Transport
from pfork.asgi.exchange import ScopeExchange
from pfork.asgi.failures import is_departure, log_failure
from pfork.asgi.scope import ScopeReader
from pfork.http1 import CONTINUE, BodyTooLong, Response

if TYPE_CHECKING:
    from pfork.telemetry import AccessLog

HIGH_WATER: Final = 65_536
"""Bytes of a request body that wait for the app before the client is read no further."""

_WRITE_APART: Final = 65_536
"""From this many bytes on, a body is not copied behind its head."""

_STREAK: Final = 262_144
"""Bytes that a response may write before other connections have their turn. A client that reads as fast as the app
writes never makes it wait; the loop would stand still, and not even notice that the client has left."""

_PIECE_COST: Final = 1024
"""What a piece of a response counts for at least: many small ones take time, too."""

_WAITING, _HELD, _STREAMING, _ENDED = range(4)
"""Phases of the response: not started; started by the app, nothing written; partly written; over."""

_BODY_GIVEN: Final = 2
"""``_body_done`` when the app has been given the last of the body. Before: whether all of it has come."""

_ERROR_STATUS: Final = b"500 Internal Server Error"
_ERROR_PAGE: Final = b"Internal Server Error\n"

_log = logging.getLogger("pfork.error")


@types.coroutine
def _next_turn() -> Generator[None]:
    """Let the event loop turn once. What ``asyncio.sleep(0)`` does."""
    yield


class HttpCycle:
    """A request in the hands of the app.

    The worker runs ``run()`` in a task and tells what happens to the connection (``feed``, ``client_left``,
    ``cut``); the response goes to the ``Transport``. The reader is looked at until ``response_ended``, not later.

    Attributes:
        scope: the app's scope.
        method, target: as sent; an app may change its scope.
        lane, task: the worker's notes.
    """

    __slots__ = (
        "_access_log",
        "_app",
        "_body",
        "_body_done",
        "_gone",
        "_head",
        "_left",
        "_must_continue",
        "_phase",
        "_reader",
        "_response",
        "_started_ns",
        "_streak",
        "_transport",
        "_waiters",
        "lane",
        "method",
        "scope",
        "target",
        "task",
    )

    _head: Head
    _response: Response

    def __init__(
        self,
        app: Application,
        access_log: AccessLog | None,
        reader: ScopeReader,
        transport: Transport,
        body: bytes,
        started_ns: int,
    ) -> None:
        """``body``: what has come of it; ``started_ns``: the monotonic time from which the duration counts."""
        self._app = app
        self._access_log = access_log
        self._reader = reader
        self._transport = transport
        self._body = body
        self._body_done: int = reader.body_done
        self._must_continue = reader.expect_continue
        self._phase = _WAITING
        self._left = False
        self._gone = False
        self._waiters: list[asyncio.Future[None]] | None = None
        self._started_ns = started_ns
        self._streak = 0
        self.method = reader.method
        self.target = reader.target
        self.scope: dict[str, Any] = reader.scope()
        self.lane = -1
        self.task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        """Method and target; bytes beyond ASCII escaped, so that log lines show exactly what was sent."""
        return f"{self.method} {self.target.decode('ascii', 'backslashreplace')}"

    @property
    def is_begun(self) -> bool:
        """Whether a part of the response has been written, so that no other can be sent in its place."""
        return self._phase >= _STREAMING

    # The worker's side

    async def run(self) -> None:
        """Call the app, and see to a response that it leaves open. Errors of the app end here, in the log."""
        try:
            result: object = await self._app(self.scope, self.receive, self.send)
            if self._phase != _ENDED:
                self._app_returned(result)
        except BaseException as error:  # noqa: BLE001 - the border: sys.exit() must not end the worker
            self._app_failed(error)
        finally:
            self._transport.request_ended(self)

    def feed(self, data: bytes, done: bool) -> None:
        """A piece of the request body has come; ``done``: the last one."""
        self._body = self._body + data if self._body else data
        self._body_done = done
        self._must_continue = False  # RFC 9110 10.1.1: who sends the body unasked needs no asking
        if len(self._body) > HIGH_WATER and not done:
            self._transport.pause_reading()
        self._wake()

    def client_left(self) -> None:
        """The client will send no more. It may have closed, or still read: so only ``receive`` tells."""
        self._left = True
        self._wake()

    def cut(self) -> None:
        """Nothing reaches the client any more: ``receive`` tells, and ``send`` raises."""
        self._left = self._gone = True
        self._wake()

    def _wake(self) -> None:
        waiters = self._waiters
        if waiters is not None:
            self._waiters = None
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    # The app's side

    async def receive(self) -> Message:
        """ASGI HTTP, "Request - receive event" and "Disconnect - receive event"."""
        while True:
            body_done = self._body_done
            if self._phase == _ENDED or (self._left and body_done is not True):
                return {"type": "http.disconnect"}
            if body_done is True:
                self._body_done = _BODY_GIVEN
                body = self._body
                self._body = b""
                return {"type": "http.request", "body": body, "more_body": False}
            if body_done is False:
                if self._body:
                    body = self._body
                    self._body = b""
                    self._transport.resume_reading()
                    return {"type": "http.request", "body": body, "more_body": True}
                if self._must_continue and self._phase < _STREAMING:
                    self._must_continue = False
                    self._transport.write(CONTINUE)
                self._transport.want_body()
            waiter = asyncio.get_running_loop().create_future()
            if self._waiters is None:
                self._waiters = [waiter]
            else:
                self._waiters.append(waiter)
            await waiter

    async def send(self, message: Message) -> None:
        """ASGI HTTP, "Response Start - send event" and "Response Body - send event".

        Raises:
            ClientDisconnected: the client has left.
            InvalidMessage: the message is of a wrong type or form, or out of order.
            InvalidResponse: status, headers or the length of the body cannot be sent as HTTP.
        """
        phase = self._phase
        if phase == _ENDED:
            await _next_turn()  # "any further messages on the channel will be ignored", even if there is no end to them
            return
        if self._gone:
            raise ClientDisconnected("the client has left")
        kind = message.get("type")
        if kind == "http.response.start":
            if phase != _WAITING:
                raise InvalidMessage("http.response.start was sent twice: a response starts once")
            self._head = read_start(message)
            self._phase = _HELD
            return
        if kind != "http.response.body":
            raise InvalidMessage(f"{kind!r}: must be 'http.response.start' or 'http.response.body'")
        if phase == _WAITING:
            raise InvalidMessage("http.response.body was sent before http.response.start")
        body = message.get("body", b"")
        if type(body) is not bytes:
            body = read_body(body)
        if not message.get("more_body", False):
            if phase == _HELD:
                self._send_whole(body)
            else:
                self._send_last(body)
            return
        self._send_piece(body)
        self._streak += len(body) + _PIECE_COST
        if not self._transport.is_writable:
            await self._transport.wait_writable()
        elif self._streak > _STREAK:
            await _next_turn()
        else:
            return
        self._streak = 0
        if self._gone:
            raise ClientDisconnected("the client has left")

    def _send_whole(self, body: bytes) -> None:
        """Head and body in one write: all that most responses consist of. It makes few calls, on purpose."""
        reader = self._reader
        response = Response(
            method=reader.method,
            http11=reader.http11,
            # Not where the response is over before its request: nobody wants to read the rest of that upload.
            keep_alive=reader.keep_alive and reader.body_done and self._transport.may_keep_alive(),
        )
        status, headers = self._head
        head = response.start(status, headers, length=len(body))
        try:
            framed = response.body(body) + response.end()
        except BodyTooLong as error:
            self._write(head, error.allowed)
            self._end(response)
            raise
        # BodyTooShort passes as it is: nothing was written, so there can still be a 500.
        self._response = response
        if len(framed) < _WRITE_APART:
            self._transport.write(head + framed)
        else:
            self._transport.write_parts(head, framed)
        self._end(response)

    def _send_piece(self, body: bytes) -> None:
        """A piece that others follow; the first one takes the head along."""
        if self._phase == _HELD:
            reader = self._reader
            response = Response(
                method=reader.method,
                http11=reader.http11,
                keep_alive=reader.keep_alive and self._transport.may_keep_alive(),
            )
            status, headers = self._head
            head = response.start(status, headers)
            self._response = response
            self._phase = _STREAMING
            self._write(head, self._frame(body, head))
        elif body:
            self._transport.write(self._frame(body, b""))

    def _send_last(self, body: bytes) -> None:
        """The end of a response of several pieces."""
        response = self._response
        framed = self._frame(body, b"")
        try:
            framed += response.end()
        finally:  # BodyTooShort: what there is goes out, and the app learns of it
            if framed:
                self._transport.write(framed)
        self._end(response)

    def _frame(self, body: bytes, head: bytes) -> bytes:
        """Raises BodyTooLong after sending what Content-Length allows: then the client has a whole response."""
        try:
            return self._response.body(body)
        except BodyTooLong as error:
            self._write(head, error.allowed)
            self._end(self._response)
            raise

    def _write(self, head: bytes, body: bytes) -> None:
        if head and len(body) >= _WRITE_APART:
            self._transport.write_parts(head, body)
        else:
            self._transport.write(head + body)

    def _end(self, response: Response) -> None:
        """All of the response has been written."""
        self._phase = _ENDED
        if self._access_log is not None:
            self._log_access(self._head, response.body_sent)
        if self._waiters is not None:
            self._wake()
        self._transport.response_ended(response.keep_alive)

    def _log_access(self, head: Head, sent: int) -> None:
        assert self._access_log is not None
        status, headers = head
        duration = monotonic_ns() - self._started_ns
        self._access_log.log(ScopeExchange(self._reader, self.scope, status[:3].decode(), headers, sent, duration))

    # How an app can fail

    def _app_failed(self, error: BaseException) -> None:
        if isinstance(error, GeneratorExit):  # the loop was closed, and this coroutine is thrown away
            self._phase = _ENDED
        elif self._left and is_departure(error, body_missing=self._body_done is False):
            _log.debug("%r: the client left, and the app ended with %r", self, error)
            self._abandon()
        else:
            log_failure(f"Error handling request {self!r} ({self._consequence()})", error)
            self._break_off()

    def _app_returned(self, result: object) -> None:
        """It returned before its response had ended."""
        if self._left:
            self._abandon()  # what else should it do?
            return
        if self._phase == _WAITING:
            hint = "" if result is None else f", but {type(result).__name__}: is it a WSGI or an ASGI 2 app?"
            what = f"the app returned without a response{hint}"
        else:
            what = "the app returned before the last body message of its response"
        _log.error("Error handling request %r (%s): %s", self, self._consequence(), what)
        self._break_off()

    def _consequence(self) -> str:
        if self._phase == _ENDED:
            return "its response had been sent"
        if self._gone:
            return "its client had left"
        return "its response had begun: connection cut" if self._phase == _STREAMING else "answered 500"

    def _break_off(self) -> None:
        """End a response that the app will not end: with 500 where nothing was written, else by cutting it."""
        if self._gone or self._phase not in (_WAITING, _HELD):
            self._abandon()
        else:
            self._head = (_ERROR_STATUS, [(b"Content-Type", b"text/plain; charset=utf-8")])
            self._phase = _HELD
            self._send_whole(_ERROR_PAGE)

    def _abandon(self) -> None:
        """There will be no more of the response."""
        phase = self._phase
        if phase == _ENDED:
            return
        if self._access_log is not None:
            if phase == _WAITING:
                self._log_access((b"-", []), 0)
            else:
                self._log_access(self._head, self._response.body_sent if phase == _STREAMING else 0)
        self._phase = _ENDED
        self._wake()
        if not self._gone:
            # An HTTP/1.1 body ends by its length or with a last chunk, in HTTP/1.0 perhaps with the connection.
            self._transport.response_broke(reset=phase == _STREAMING and not self._reader.http11)
