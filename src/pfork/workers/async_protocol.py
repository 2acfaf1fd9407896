"""One client's connection on the event loop: bytes to requests, and the gateway's responses to the transport.

A connection is in one phase at a time. ``refuse`` leads from any of the reading ones to LINGERING, the
client's end from anywhere to CLOSED.

==========  ========================================  =================================================
phase       what is waited for                        what ends it
==========  ========================================  =================================================
OPENING     the loop's next turn: the transport       the turn -> IDLE
IDLE        the first byte of a request               bytes -> HEAD or on; deadline -> closed without a word
HEAD        the rest of the head                      head complete -> BODY or APP; deadline -> 408
BODY        the rest of a small body                  body complete -> APP; deadline -> 408
APP         the app; meanwhile more of a large body   ``response_ended`` -> NEXT, IDLE, LINGERING or CLOSING;
            is read as the app takes it               a body that stalls -> 408, or cut
NEXT        the loop's next turn: a pipelined         the turn -> BODY or APP
            request is there already
LINGERING   the client's end, so that it has          its end or the deadline -> CLOSED
            read the response before a reset
CLOSING     the client taking the rest                all sent, or no progress until the deadline -> CLOSED
CLOSED      nothing
==========  ========================================  =================================================

Deadlines are numbers, looked at once a second by the server's tick: no timer for each connection or request.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from time import monotonic_ns
from typing import TYPE_CHECKING, Final, cast

from pfork.asgi import HttpCycle
from pfork.http1 import CHUNKED, ProtocolError, error_response
from pfork.sockets import ConnectionInfo

if TYPE_CHECKING:
    from pfork.workers.async_server import AsyncServer

log = logging.getLogger("pfork.error")

NEVER: Final = 1 << 63
"""A deadline, in monotonic nanoseconds, that does not come."""

OPENING, IDLE, HEAD, BODY, APP, NEXT, LINGERING, CLOSING, CLOSED = range(9)

_SMALL_BODY: Final = 65_536
"""Bytes. A body announced as no longer than this is read before the app is called, so that ``receive`` need
not wait."""

_PIPELINED: Final = 65_536
"""Bytes of further requests that are kept while a response is not finished; then the client has to wait."""

_LINGER_NS: Final = 2_000_000_000
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """One client's connection. It is the gateway's Transport.

    Attributes:
        deadline_ns: when the client will have been too slow in sending; NEVER while nothing is expected of it.
        write_deadline_ns: when it will have been too slow in reading.
    """

    __slots__ = (
        "_body",
        "_cycle",
        "_is_reading",
        "_later",
        "_phase",
        "_reader",
        "_saw_eof",
        "_server",
        "_transport",
        "_unsent",
        "_writers",
        "deadline_ns",
        "is_writable",
        "request_ended",
        "write",
        "write_deadline_ns",
    )

    write: Callable[[bytes], None]
    request_ended: Callable[[HttpCycle], None]
    _transport: asyncio.Transport

    def __init__(self, server: AsyncServer, info: ConnectionInfo) -> None:
        self._server = server
        self.request_ended = server.ended
        self._reader = server.gateway.reader(info)
        self._phase = OPENING
        self._cycle: HttpCycle | None = None
        self._body = b""  # of a small body that is not complete
        self._later = b""  # behind the current request, and not yet given to the reader
        self._is_reading = True
        self._saw_eof = False
        self._unsent = 0
        self._writers: list[asyncio.Future[None]] = []
        self.is_writable = True
        self.deadline_ns = monotonic_ns() + server.times.header_ns
        self.write_deadline_ns = NEVER

    @property
    def is_idle(self) -> bool:
        """Nothing has come of a request."""
        return self._phase == IDLE

    # What the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._phase = IDLE
        self.write = self._transport.write  # itself, not a method around it: a call less for each response

    def data_received(self, data: bytes) -> None:
        phase = self._phase
        try:
            if phase <= HEAD:
                if self._reader.receive(data):
                    self._begin()
                elif phase == IDLE:
                    self._phase = HEAD
                    self.deadline_ns = monotonic_ns() + self._server.times.header_ns
            elif phase <= NEXT:
                self._take_more(data)
        except ProtocolError as error:
            self.refuse(error)

    def eof_received(self) -> bool:
        """The client sends no more. It may have closed, or only its sending side, so what it asked for is
        answered.

        Returns:
            Whether the transport stays open for that.
        """
        self._saw_eof = True
        if self._phase == NEXT:
            return True
        if self._phase != APP or not self._reader.body_done:
            return False
        if self._cycle is not None and not self._later and self._reader.is_clean:
            self._cycle.client_left()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = CLOSED
        self.deadline_ns = self.write_deadline_ns = NEVER
        cycle = self._cycle
        if cycle is not None:
            self._cycle = None
            cycle.cut()
        self._wake_writers()
        self._server.forget(self)

    def pause_writing(self) -> None:
        self.is_writable = False
        self._watch_sending(monotonic_ns())

    def resume_writing(self) -> None:
        self.is_writable = True
        if self._phase < LINGERING:
            self.write_deadline_ns = NEVER
        self._wake_writers()

    # Requests

    def _begin(self) -> None:
        """A head is complete. Raises ProtocolError."""
        reader = self._reader
        if reader.upgrade == b"websocket":
            # Any other Upgrade is an offer that may be ignored (RFC 9110 7.8); a WebSocket client cannot go
            # on without.
            raise ProtocolError(501, "WebSocket is not supported by this server")
        if reader.body_done:
            self._start(b"")
            return
        later, self._later = self._later, b""
        body = reader.receive_body(later)
        if (
            reader.body_done
            or reader.expect_continue
            or reader.content_length > _SMALL_BODY
            or reader.content_length == CHUNKED
        ):
            self._start(body)
        else:
            self._phase = BODY
            self._body = body
            self.deadline_ns = monotonic_ns() + self._server.times.body_ns

    def _take_more(self, data: bytes) -> None:
        """Bytes behind a head: of its body, or of further requests. Raises ProtocolError."""
        reader = self._reader
        if self._phase == NEXT or reader.body_done:
            self._later += data
            if len(self._later) >= _PIPELINED:
                self.pause_reading()
            return
        piece = reader.receive_body(data)
        done = self._reader.body_done
        if self._phase == BODY:
            self._body += piece
            if done:
                body, self._body = self._body, b""
                self._start(body)
            else:
                self.deadline_ns = monotonic_ns() + self._server.times.body_ns
        elif piece or done:
            self.deadline_ns = NEVER  # until the app asks for more
            assert self._cycle is not None  # as long as the phase is APP
            self._cycle.feed(piece, done)

    def _start(self, body: bytes) -> None:
        """The app's turn."""
        server = self._server
        now_ns = monotonic_ns()
        self._phase = APP
        self.deadline_ns = NEVER
        self._cycle = cycle = server.gateway.cycle(self._reader, self, body, now_ns)
        server.start(cycle, now_ns)

    def _begin_next(self) -> None:
        """The turn of a pipelined request."""
        if self._phase == NEXT:
            try:
                self._begin()
            except ProtocolError as error:
                self.refuse(error)

    def refuse(self, error: ProtocolError) -> None:
        """Answer a request that does not reach the app, or whose body is no good; then close."""
        log.debug("refused: %s", error)
        cycle, self._cycle = self._cycle, None
        if cycle is not None:
            is_begun = cycle.is_begun
            cycle.cut()
            if is_begun:
                self._reset()
                return
        self.write(error_response(error, method=self._reader.method))
        self._linger()

    # What the gateway asks for: see asgi.Transport

    def write_parts(self, head: bytes, body: bytes) -> None:
        self._transport.writelines((head, body))

    async def wait_writable(self) -> None:
        while not self.is_writable and self._phase != CLOSED:
            writer = self._server.loop.create_future()
            self._writers.append(writer)
            await writer

    def pause_reading(self) -> None:
        if self._is_reading and not self._saw_eof and not self._transport.is_closing():
            self._is_reading = False
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        # After the client's end there is nothing to read: a transport that resumed would report the end once more.
        if not self._is_reading and not self._saw_eof and not self._transport.is_closing():
            self._is_reading = True
            self._transport.resume_reading()

    def want_body(self) -> None:
        self.resume_reading()
        self.deadline_ns = monotonic_ns() + self._server.times.body_ns

    def may_keep_alive(self) -> bool:
        server = self._server
        # The order to drain is on the scoreboard before the loop has heard of it.
        return server.may_keep_alive and not server.slot.is_draining()

    def response_ended(self, keep_alive: bool) -> None:
        self._cycle = None
        server = self._server
        if server.access_log is not None:
            server.flush_soon()
        reader = self._reader
        if not keep_alive or not reader.body_done:
            self._end()
            return
        try:
            is_next = reader.next_request()
            if self._later:
                if not is_next:
                    later, self._later = self._later, b""
                    is_next = reader.receive(later)
                self.resume_reading()
        except ProtocolError as error:
            self.refuse(error)
            return
        if is_next:
            # Not at once: this runs inside the app's send(), and the next app would run inside this one.
            self._phase = NEXT
            server.loop.call_soon(self._begin_next)
        elif self._saw_eof:
            self._end()
        else:
            self._phase = IDLE
            self.deadline_ns = monotonic_ns() + server.idle_ns

    def response_broke(self, reset: bool) -> None:
        self._cycle = None
        if self._server.access_log is not None:
            self._server.flush_soon()
        if reset:
            self._reset()
        else:
            self._end()

    # The end

    def drain(self, now_ns: int) -> None:
        """The worker is about to stop: an idle connection is read for a moment only."""
        if self._phase <= IDLE:
            self.deadline_ns = min(self.deadline_ns, now_ns + self._server.idle_ns)

    def cut(self) -> None:
        """Close now, whatever is going on."""
        if self._phase not in (OPENING, CLOSED):
            self._transport.abort()

    def overdue(self, now_ns: int) -> None:
        """One of the deadlines has passed."""
        if self._phase == OPENING:
            return
        unsent = self._transport.get_write_buffer_size()
        if self.write_deadline_ns <= now_ns:
            if unsent and unsent >= self._unsent:
                self._reset()
                return
            self._watch_sending(now_ns)  # slow, but it reads
        if self.deadline_ns > now_ns:
            return
        phase = self._phase
        if phase == LINGERING:
            if unsent:
                self.deadline_ns = now_ns + _LINGER_NS
            else:
                self._transport.abort()
        elif phase == HEAD or (phase == IDLE and not self._reader.is_clean):
            self.refuse(ProtocolError(408, "the head took longer than header_timeout"))
        elif phase == IDLE:
            self._close()
        else:
            self.refuse(ProtocolError(408, "the body paused for longer than body_timeout"))

    def _end(self) -> None:
        """Close after a whole response; unread bytes would turn the close into a reset, which may destroy it."""
        reader = self._reader
        if self._saw_eof or (reader.body_done and not self._later and reader.is_clean):
            self._close()
        else:
            self._linger()

    def _close(self) -> None:
        self._phase = CLOSING
        self.deadline_ns = NEVER
        self._transport.close()
        self._watch_sending(monotonic_ns())

    def _linger(self) -> None:
        """RFC 9112 9.6: close the sending side first, and read on until the client has seen it."""
        if self._saw_eof or self._transport.is_closing():
            self._close()
            return
        now_ns = monotonic_ns()
        self._phase = LINGERING
        self._later = b""
        self.resume_reading()
        self._transport.write_eof()
        self._watch_sending(now_ns)
        self.deadline_ns = now_ns + _LINGER_NS

    def _reset(self) -> None:
        """Close so that the client notices that the response is not whole."""
        self._phase = CLOSING
        sock: socket.socket | None = self._transport.get_extra_info("socket")
        if sock is not None and not self._transport.is_closing():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _watch_sending(self, now_ns: int) -> None:
        """From now on the client has ``send_timeout`` to take some of what waits for it."""
        self._unsent = self._transport.get_write_buffer_size()
        self.write_deadline_ns = now_ns + self._server.times.send_ns if self._unsent else NEVER

    def _wake_writers(self) -> None:
        if self._writers:
            writers, self._writers = self._writers, []
            for writer in writers:
                if not writer.done():
                    writer.set_result(None)
