"""One client's connection: requests are read in full, then it is the app's turn, then the client takes the
response.

A connection is in one phase at a time:

==========  ============================================  ====================================================
phase       what is waited for                            what ends it
==========  ============================================  ====================================================
IDLE        the first byte of a request                   a byte: HEAD; the deadline: CLOSED, without a word
HEAD        the rest of the head                          its end: BODY or APP; the deadline: 408
BODY        the rest of the body                          its end: APP; the deadline: 408
APP         the app                                       its answer: SENDING
SENDING     the client, to take the response              all is sent: IDLE, HEAD, BODY, APP or the end
LINGERING   the client, to have read the last response    its end, too many bytes, or the deadline: CLOSED
CLOSED      nothing
==========  ============================================  ====================================================

A malformed request leads from HEAD or BODY to SENDING; the client's end leads to CLOSED, from APP when the
app is done. All of it runs in the reactor's thread.
"""

from __future__ import annotations

import logging
import socket
from enum import IntEnum
from typing import IO, TYPE_CHECKING, Final

from pfork.base import ns
from pfork.http1 import CONTINUE, ProtocolError, error_response
from pfork.sockets import ConnectionInfo
from pfork.workers.outlet import NEVER, Outlet
from pfork.workers.poller import IN, OUT
from pfork.workers.spill import BodyStore

if TYPE_CHECKING:
    from pfork.workers.reactor import Reactor

log = logging.getLogger("pfork.error")

_RECEIVE: Final = 64 * 1024

_LINGER_NS: Final = ns(2)
_LINGER_BYTES: Final = 64 * 1024
"""What a client that is to read its last response may still send; after that its loss is its own fault."""


class Phase(IntEnum):
    """Where a connection is; see the table above."""

    IDLE = 0
    HEAD = 1
    BODY = 2
    APP = 3
    SENDING = 4
    LINGERING = 5
    CLOSED = 6


class Ending(IntEnum):
    """What follows a response."""

    KEEP = 0  # the next request
    CLOSE = 1
    LINGER = 2  # close, but not before the client has read the response: it may still be sending
    RESET = 3  # close in a way that tells the client that the response is not whole


class Connection:
    """One client's connection; see the module.

    Attributes:
        body: of the request that the app is to answer; None when there is none. deadline_ns: when the wait of
        this phase is over. What is on its way to the client has a deadline of its own.
    """

    __slots__ = (
        "_ending",
        "_may_drop",
        "_reactor",
        "_receive",
        "_store",
        "body",
        "deadline_ns",
        "fd",
        "outlet",
        "phase",
        "reader",
    )

    def __init__(self, reactor: Reactor, sock: socket.socket, info: ConnectionInfo, outlet: Outlet) -> None:
        self._reactor = reactor
        self._receive = sock.recv
        self.fd = sock.fileno()
        self.outlet = outlet
        self.reader = reactor.gateway.reader(info)
        self.phase = Phase.IDLE
        self.deadline_ns = reactor.now_ns + reactor.times.header_ns
        self.body: IO[bytes] | None = None
        self._store: BodyStore | None = None
        self._ending = Ending.CLOSE
        self._may_drop = _LINGER_BYTES

    # Events

    def on_event(self, event: int) -> None:
        """The poller says that something is possible, or that the client is gone."""
        if event & IN:
            self.on_readable()
        elif event & OUT:
            self._on_writable()
        elif self.phase is Phase.APP:
            self.outlet.lose()
        else:
            self.close()

    def on_readable(self) -> None:
        """Take what the client has sent."""
        phase = self.phase
        if phase is Phase.APP or phase is Phase.SENDING:
            self.outlet.set_reading(False)  # the next request has to wait
            return
        try:
            data = self._receive(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif phase is Phase.BODY:
            self._take_body(data)
        elif phase is Phase.LINGERING:
            self._drop(data)
        else:
            self._take_head(data)

    def on_deadline(self, now_ns: int) -> None:
        """A deadline has passed. It may be the worker itself that was away, so it looks once more first."""
        if self.outlet.deadline_ns <= now_ns:
            self._on_writable()
            if self.outlet.deadline_ns > now_ns:
                return
            self.outlet.lose()
            if self.phase is not Phase.APP:
                self.close(reset=True)
            return
        phase = self.phase
        self.on_readable()
        if self.phase is not phase or self.deadline_ns > now_ns:
            return
        if phase is Phase.HEAD:
            self.refuse(ProtocolError(408, "the head took longer than header_timeout"))
        elif phase is Phase.BODY:
            self.refuse(ProtocolError(408, "the body paused for longer than body_timeout"))
        else:
            self.close()

    def _on_writable(self) -> None:
        if self.outlet.flush() and self.phase is Phase.SENDING:
            self._sent()

    # Requests

    def _take_head(self, data: bytes) -> None:
        try:
            if self.reader.receive(data):
                self._head_complete()
            elif self.phase is Phase.IDLE:
                self._expect_head()
        except ProtocolError as error:
            self.refuse(error)

    def _expect_head(self) -> None:
        self.phase = Phase.HEAD
        self.deadline_ns = self._reactor.now_ns + self._reactor.times.header_ns
        self.outlet.set_reading(True)

    def _head_complete(self) -> None:
        """Raises ProtocolError."""
        reader = self.reader
        if reader.upgrade == b"websocket":
            # Any other Upgrade is an offer that may be ignored (RFC 9110 7.8); a WebSocket client cannot go
            # on without.
            raise ProtocolError(501, "WebSocket is not supported by this server")
        if reader.body_done:
            self._complete(None)
            return
        self.phase = Phase.BODY
        self._store = store = BodyStore()
        self._take_body(b"")
        if self.phase is Phase.BODY:
            self.outlet.set_reading(True)
            if reader.expect_continue and store.is_empty:
                self.outlet.put(CONTINUE)

    def _take_body(self, data: bytes) -> None:
        store = self._store
        assert store is not None
        try:
            piece = self.reader.receive_body(data)
            if piece:
                store.write(piece)
            if self.reader.body_done:
                body = store.finish()
                self._store = None
                self._complete(body)
            else:
                self.deadline_ns = self._reactor.now_ns + self._reactor.times.body_ns
        except ProtocolError as error:
            self.refuse(error)
        except OSError as error:
            log.error("cannot keep the body of a request in a temporary file: %s", error.strerror)
            self.refuse(500)

    def _complete(self, body: IO[bytes] | None) -> None:
        """The request is there in full: the app's turn."""
        self.phase = Phase.APP
        self.deadline_ns = NEVER
        self.body = body
        self._reactor.ready.append(self)

    def refuse(self, error: ProtocolError | int) -> None:
        """Answer a request that does not reach the app, then close: where its next one begins is unknown."""
        if isinstance(error, ProtocolError):
            log.debug("refused a request: %s", error)
        self.phase = Phase.APP
        self.deadline_ns = NEVER
        self.outlet.put(error_response(error))
        self.answered(Ending.LINGER)

    # Responses

    def answered(self, ending: Ending) -> None:
        """All of the response has been written."""
        self._let_go_of_body()
        self._ending = ending
        self.phase = Phase.SENDING
        if self.outlet.flush():
            self._sent()

    def _sent(self) -> None:
        """The client has taken all, or is gone."""
        if self.outlet.is_lost:
            self.close()
            return
        if self._ending is not Ending.KEEP:
            self._end(self._ending)
            return
        reader = self.reader
        try:
            if reader.next_request():
                self._head_complete()
            elif reader.is_clean:
                self.phase = Phase.IDLE
                self.deadline_ns = self._reactor.now_ns + self._reactor.idle_ns
                self.outlet.set_reading(True)
            else:
                self._expect_head()
        except ProtocolError as error:
            self.refuse(error)

    # The end

    def _end(self, ending: Ending) -> None:
        """Close. Where bytes are unread a plain close resets the connection, which may destroy the
        response."""
        if ending is Ending.RESET:
            self.close(reset=True)
        elif ending is Ending.LINGER or not self.reader.is_clean or self._has_unread():
            self._linger()
        else:
            self.close()

    def _has_unread(self) -> bool:
        try:
            return bool(self._receive(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _linger(self) -> None:
        """RFC 9112 9.6: end the own side, and read on until the client has ended its."""
        if not self.outlet.half_close():
            self.close()
            return
        self.phase = Phase.LINGERING
        self.deadline_ns = self._reactor.now_ns + _LINGER_NS
        self.outlet.set_reading(True)

    def _drop(self, data: bytes) -> None:
        self._may_drop -= len(data)
        if self._may_drop < 0:
            self.close()

    def close(self, *, reset: bool = False) -> None:
        """Let go of everything."""
        if self.phase is not Phase.CLOSED:
            self.phase = Phase.CLOSED
            self._let_go_of_body()
            self.outlet.close(reset=reset)
            self._reactor.forget(self)

    def _let_go_of_body(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        if self.body is not None:
            self.body.close()
            self.body = None
