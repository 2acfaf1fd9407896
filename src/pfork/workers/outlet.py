"""The sending half of a connection: what the gateway writes is sent as far as the client takes it, the rest
is kept for it.

An outlet also keeps what the poller watches its socket for, since sending changes that. In a thread worker a
thread of the pool writes while the reactor sends: ``LockedOutlet``.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Final

from pfork.workers.outbuffer import FileSlice, OutBuffer
from pfork.workers.poller import IN, OUT
from pfork.wsgi import ClientGone

if TYPE_CHECKING:
    from pfork.workers.reactor import Reactor

NEVER: Final = 1 << 63
"""A deadline, in monotonic nanoseconds, that does not come."""

_UNWATCHED: Final = -1
_RESET_ON_CLOSE: Final = (1).to_bytes(4, sys.byteorder) + bytes(4)  # struct linger: on, zero seconds


class Outlet:
    """Sends one connection's responses; the gateway's ``Output``. For one thread.

    Attributes:
        deadline_ns: when the client has paused for too long; NEVER while nothing waits for it.
        is_lost: the client is gone. Nothing is sent any more, and the poller does not watch the socket.
    """

    __slots__ = ("_buffer", "_is_reading", "_mask", "_reactor", "_send", "_sock", "deadline_ns", "is_lost")

    def __init__(self, reactor: Reactor, sock: socket.socket) -> None:
        self._reactor = reactor
        self._sock = sock
        self._send = sock.send
        self._buffer: OutBuffer | None = None  # None: nothing waits
        self._mask = _UNWATCHED
        self._is_reading = False
        self.deadline_ns = NEVER
        self.is_lost = False

    # wsgi.Output

    def write(self, data: bytes) -> None:
        """Send what the client takes now and keep the rest; waits when too much is kept. Raises
        ClientGone."""
        if self._buffer is None and not self.is_lost:
            try:
                sent = self._send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.lose()
                raise _gone() from None
            if sent == len(data):
                return  # as nearly all responses go: one call, one packet
            self._queue().put(memoryview(data)[sent:])
        elif data:
            self._queue().put(data)
            self.flush()
        self._wait_for_room()

    def send_file(self, file: IO[bytes], offset: int, count: int) -> None:
        """Send a part of a file, without a copy where the system can. Raises ClientGone, or OSError of the
        file."""
        part = FileSlice(file.fileno(), offset, count, is_owned=False)
        if self._buffer is None and not self.is_lost:
            try:
                while part.count:
                    part.send(self._sock)
            except BlockingIOError:
                pass
            except ConnectionError:
                self.lose()
        if part.count:
            self._queue().put_file(FileSlice(os.dup(part.fd), part.offset, part.count, is_owned=True))
        self._wait_for_room()

    def may_keep_alive(self) -> bool:
        """Whether the worker wants to keep the connection after this response."""
        return self._reactor.may_keep_alive()

    # For the reactor

    def put(self, data: bytes) -> None:
        """Send or keep a few bytes of the worker's own; does not wait, does not raise."""
        try:
            self.write(data)
        except ClientGone:
            pass

    def flush(self) -> bool:
        """Send what waits. True when nothing does any more, be it that the client is gone."""
        buffer = self._buffer
        if buffer is None:
            return True
        try:
            if buffer.send(self._sock):
                self.deadline_ns = time.monotonic_ns() + self._reactor.times.send_ns
        except OSError:
            self.lose()
            return True
        if buffer:
            return False
        self._buffer = None
        self.deadline_ns = NEVER
        self._watch()
        return True

    def set_reading(self, wanted: bool) -> None:
        """Whether the poller is to tell when the client has sent something."""
        if wanted != self._is_reading:
            self._is_reading = wanted
            self._watch()

    def lose(self) -> None:
        """The client is gone, or is given up: drop what waits for it."""
        self.is_lost = True
        self.deadline_ns = NEVER
        if self._buffer is not None:
            self._buffer.close()
            self._buffer = None
        self._unwatch()

    def half_close(self) -> bool:
        """Tell the client that nothing more will come. False when it is gone."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def close(self, *, reset: bool = False) -> None:
        """Close the socket; with ``reset``, so that the client learns that it has not got all."""
        self.lose()
        if reset:
            try:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            except OSError:
                pass
        self._sock.close()

    def _queue(self) -> OutBuffer:
        """The buffer, with the poller watching for the client to take from it. Raises ClientGone."""
        if self.is_lost:
            raise _gone()
        if self._buffer is None:
            self._buffer = OutBuffer()
            # Not the reactor's time: in a thread, or while the app runs, that is as old as its last wait.
            self.deadline_ns = time.monotonic_ns() + self._reactor.times.send_ns
            self._watch()
        return self._buffer

    def _wait_for_room(self) -> None:
        """Raises ClientGone."""
        while self._buffer is not None and self._buffer.is_full:
            self._reactor.wait_for_clients()
        if self.is_lost:
            raise _gone()

    def _watch(self) -> None:
        """Have the poller watch for what is wanted now. A connection that is closed at once is never
        watched."""
        if self.is_lost:
            return
        mask = (IN if self._is_reading else 0) | (OUT if self._buffer is not None else 0)
        if mask != self._mask:
            if self._mask == _UNWATCHED:
                self._reactor.poller.register(self._sock.fileno(), mask)
            else:
                self._reactor.poller.modify(self._sock.fileno(), mask)
            self._mask = mask

    def _unwatch(self) -> None:
        """Before the close: a child process of the app may hold the socket too, and epoll would go on
        reporting it."""
        if self._mask != _UNWATCHED:
            self._mask = _UNWATCHED
            self._reactor.poller.unregister(self._sock.fileno())


class LockedOutlet(Outlet):
    """An outlet that a thread of the pool writes to while the reactor sends, watches and gives up.

    epoll takes changes while another thread waits in it, so the pool need not wake the reactor.
    """

    __slots__ = ("_lock", "_room")

    def __init__(self, reactor: Reactor, sock: socket.socket) -> None:
        super().__init__(reactor, sock)
        self._lock = threading.RLock()
        self._room: threading.Condition | None = None  # made by the first writer that has to wait

    def write(self, data: bytes) -> None:
        with self._lock:
            super().write(data)

    def send_file(self, file: IO[bytes], offset: int, count: int) -> None:
        with self._lock:
            super().send_file(file, offset, count)

    def flush(self) -> bool:
        with self._lock:
            is_done = super().flush()
            if is_done and self._room is not None:
                self._room.notify_all()
            return is_done

    def set_reading(self, wanted: bool) -> None:
        with self._lock:
            super().set_reading(wanted)

    def lose(self) -> None:
        with self._lock:
            super().lose()
            if self._room is not None:
                self._room.notify_all()

    def _wait_for_room(self) -> None:
        while self._buffer is not None and self._buffer.is_full:
            if self._room is None:
                self._room = threading.Condition(self._lock)
            self._room.wait()
        if self.is_lost:
            raise _gone()


def _gone() -> ClientGone:
    return ClientGone("the client has closed the connection")
