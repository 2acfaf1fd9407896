"""A worker's ear: the arbiter's orders, the arbiter's death, and a SIGTERM sent to the worker itself, as one
thing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from pfork.base import ns
from pfork.control import Drain, MessageError, Order, Quit, Report, RetirementAsked, decode, encode
from pfork.workers.signals import SignalPipe


class Channel:
    """The worker's end of its line to the arbiter. Never blocks; a lost arbiter is an ordinary event."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.is_orphaned = False

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, report: Report) -> None:
        """Tell the arbiter. A report that cannot be sent is dropped: an arbiter that is gone needs none."""
        try:
            self._sock.send(encode(report))
        except OSError:
            pass

    def receive(self) -> list[Order]:
        """The orders that have come in. Sets ``is_orphaned`` when the arbiter is gone."""
        orders: list[Order] = []
        while not self.is_orphaned:
            try:
                packet = self._sock.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                packet = b""
            if not packet:
                self.is_orphaned = True
                break
            try:
                message = decode(packet)
            except MessageError:
                continue
            if isinstance(message, Order):
                orders.append(message)
        return orders


class Ear:
    """What a worker hears while it serves.

    A kind watches ``filenos()`` for reading, calls ``listen()`` when one of them is readable, and then
    watches ``filenos()`` as they are now: the channel of a dead arbiter would stay readable for ever.
    """

    def __init__(
        self,
        channel: Channel,
        signals: SignalPipe,
        *,
        graceful_timeout: float,
        reopen_logs: Callable[[], None],
    ) -> None:
        """``graceful_timeout``: seconds that an orphaned worker takes for what is in progress."""
        self._channel = channel
        self._signals = signals
        self._graceful_ns = ns(graceful_timeout)
        self._reopen_logs = reopen_logs
        self._told_orphaned = False

    @property
    def is_orphaned(self) -> bool:
        """The arbiter is gone: nobody but the worker itself holds it to the deadline of its drain."""
        return self._channel.is_orphaned

    def filenos(self) -> tuple[int, ...]:
        """The descriptors to watch for reading now."""
        if self._channel.is_orphaned:
            return (self._signals.fileno(),)
        return (self._channel.fileno(), self._signals.fileno())

    def listen(self) -> Drain | Quit | None:
        """The strongest order that has come in, or None. Never waits.

        The rest is dealt with here: log files are reopened; a SIGTERM becomes the report RetirementAsked, and
        the worker serves on until the arbiter has a replacement; the loss of the arbiter becomes one Drain,
        which empties the backlog, since nobody else will.
        """
        heard: Drain | Quit | None = None
        orders = self._channel.receive()
        if self._signals.take() and not self._channel.is_orphaned:
            self._channel.send(RetirementAsked("SIGTERM"))
        for order in orders:
            if isinstance(order, Quit):
                return order
            if isinstance(order, Drain):
                heard = order
            else:
                self._reopen_logs()
        if self._channel.is_orphaned and not self._told_orphaned:
            self._told_orphaned = True
            return Drain(time.monotonic_ns() + self._graceful_ns, empty_backlog=True)
        return heard
