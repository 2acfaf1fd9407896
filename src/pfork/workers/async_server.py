"""The connections and requests of one async worker."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import socket
import sys
from time import monotonic_ns
from typing import Any, Final, NamedTuple

from pfork.asgi import AsgiGateway, HttpCycle
from pfork.base import NS_PER_S, ns
from pfork.config import HttpSettings
from pfork.sockets import ConnectionInfo
from pfork.workers.async_accept import Acceptor
from pfork.workers.async_protocol import Connection
from pfork.workers.shift import DRAIN_GRACE_S, Shift

log = logging.getLogger("pfork.error")

_TICK_S: Final = 1.0
"""How often deadlines are looked at and the beat is given, while there is anything to look at. More often
where a deadline is shorter."""

_DRAIN_TICK_S: Final = 0.1
"""While draining: nobody wants to wait for a stop."""

_LATE_NS: Final = ns(0.5)
"""A tick that comes later than this: the loop was blocked, and what clients have sent was not read yet."""

_EVICT: Final = 16
"""Idle connections that are closed for new ones when descriptors run out; the app needs a few of them, too."""


class Times(NamedTuple):
    """The clients' deadlines, in nanoseconds; see HttpSettings."""

    header_ns: int
    body_ns: int
    send_ns: int
    keepalive_ns: int

    @classmethod
    def of(cls, http: HttpSettings) -> Times:
        return cls(ns(http.header_timeout), ns(http.body_timeout), ns(http.send_timeout), ns(http.keepalive))

    def shortest_s(self) -> float:
        return min(time for time in self if time) / NS_PER_S


class AsyncServer:
    """What the connections of a worker share.

    Attributes:
        slot: the worker's part of the scoreboard.
        idle_ns: how long a connection may wait for its next request.
        may_keep_alive: what is said to clients: False while the worker drains or is full, so that others get a place.
        drained: done when, after ``drain``, no connection and no request is left.
    """

    def __init__(
        self,
        shift: Shift,
        gateway: AsgiGateway,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
    ) -> None:
        """``context``: each request runs in a copy of it."""
        assignment = shift.assignment
        self.gateway = gateway
        self.loop = loop
        self.times = Times.of(assignment.http)
        self.idle_ns = self.times.keepalive_ns
        self.may_keep_alive = self.idle_ns > 0
        self.drained: asyncio.Future[None] = loop.create_future()
        self.slot = assignment.slot
        self._context = context
        self.access_log = shift.access_log
        self._limit = assignment.processes.worker_connections
        self._connections: set[Connection] = set()
        self._running: set[HttpCycle] = set()
        self._opening: set[asyncio.Task[Any]] = set()
        self._acceptor = Acceptor(
            loop,
            assignment.listeners,
            assignment.slot,
            accepted=self._accepted,
            has_room=self._has_room,
            make_room=self._make_room,
        )
        self._is_draining = False
        self._ticker: asyncio.TimerHandle | None = None
        self._tick_s = min(_TICK_S, self.times.shortest_s())
        self._next_tick_ns = 0
        self._is_flush_due = False

    def open(self) -> None:
        """Begin to accept connections."""
        self._acceptor.open()

    # Connections

    def _has_room(self) -> bool:
        return len(self._connections) < self._limit

    def _accepted(self, sock: socket.socket, info: ConnectionInfo) -> None:
        connection = Connection(self, info)
        connections = self._connections
        connections.add(connection)
        self.slot.set_connections(len(connections))
        self._set_keep_alive()
        if len(connections) == 1:
            self._watch_over()
        opening = self.loop.connect_accepted_socket(lambda: connection, sock)
        task = self.loop.create_task(opening)
        self._opening.add(task)
        task.add_done_callback(lambda task: self._opened(task, connection, sock))

    def _opened(self, task: asyncio.Task[Any], connection: Connection, sock: socket.socket) -> None:
        self._opening.discard(task)
        if not task.cancelled() and task.exception() is None:
            return
        sock.close()  # the client was gone before it had a transport
        self.forget(connection)

    def forget(self, connection: Connection) -> None:
        """A connection has been closed."""
        connections = self._connections
        was_full = not self._has_room()
        connections.discard(connection)
        self.slot.set_connections(len(connections))
        if was_full:
            self._set_keep_alive()
        self._acceptor.go_on()
        if not connections:
            self._check_idle()

    def _make_room(self) -> None:
        idle = [connection for connection in self._connections if connection.is_idle]
        idle.sort(key=lambda connection: connection.deadline_ns)
        for connection in idle[:_EVICT]:
            connection.cut()

    def _set_keep_alive(self) -> None:
        self.may_keep_alive = self.idle_ns > 0 and not self._is_draining and self._has_room()

    # Requests

    def start(self, cycle: HttpCycle, now_ns: int) -> None:
        """Run the app for a request, in a task and a context of its own."""
        cycle.lane = self.slot.begin(now_ns, cycle.method, cycle.target)
        self._running.add(cycle)  # the loop itself holds tasks weakly
        context = self._context.copy()
        if sys.version_info >= (3, 12):
            # An app that starts at once, not in the loop's next turn, has often answered before this turn is over.
            # Whatever it may ask of its task works then, too: current_task, cancel, timeouts.
            cycle.task = asyncio.Task(
                cycle.run(), loop=self.loop, name="pfork request", context=context, eager_start=True
            )
        else:
            cycle.task = asyncio.Task(cycle.run(), loop=self.loop, name="pfork request", context=context)

    def ended(self, cycle: HttpCycle) -> None:
        """The app has returned."""
        self.slot.end(cycle.lane)
        self._running.discard(cycle)
        if not self._connections:
            self._check_idle()

    def flush_soon(self) -> None:
        """Write the access log when this turn of the loop is over: one system call for all its responses."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        assert self.access_log is not None
        self.access_log.flush()

    # Time

    def _watch_over(self) -> None:
        """There is something to watch. An idle worker has no timer, and is not believed to hang."""
        now_ns = monotonic_ns()
        self.slot.beat(now_ns)
        if self._ticker is None:
            self._schedule_tick(now_ns)

    def _schedule_tick(self, now_ns: int) -> None:
        self._next_tick_ns = now_ns + ns(self._tick_s)
        self._ticker = self.loop.call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        self._ticker = None
        if not self._connections and not self._running:
            return
        now_ns = monotonic_ns()
        self.slot.beat(now_ns)
        if now_ns - self._next_tick_ns < _LATE_NS:
            self._sweep(now_ns)
        self._schedule_tick(now_ns)

    def _sweep(self, now_ns: int) -> None:
        for connection in tuple(self._connections):
            if connection.deadline_ns <= now_ns or connection.write_deadline_ns <= now_ns:
                connection.overdue(now_ns)

    def _check_idle(self) -> None:
        """With no connection: is anything else going on?"""
        if self._running:
            return
        self.slot.beat(0)
        if self._is_draining and not self.drained.done():
            self.drained.set_result(None)

    # The end

    def drain(self, *, empty_backlog: bool) -> None:
        """Accept no more, finish what is in progress; then ``drained`` is done."""
        if self._is_draining:
            return
        self._acceptor.stop(empty_backlog=empty_backlog)
        self._is_draining = True
        self.may_keep_alive = False
        self.idle_ns = min(self.idle_ns, ns(DRAIN_GRACE_S))
        now_ns = monotonic_ns()
        for connection in self._connections:
            connection.drain(now_ns)
        self._tick_s = min(self._tick_s, _DRAIN_TICK_S)
        if self._ticker is not None:
            self._ticker.cancel()
            self._schedule_tick(now_ns)
        if not self._connections:
            self._check_idle()

    def cut(self) -> list[str]:
        """Accept no more, close every connection and cancel every request. Returns what was cut, for the log."""
        self._acceptor.stop(empty_backlog=False)
        lines = [repr(cycle) for cycle in self._running]
        for connection in tuple(self._connections):
            connection.cut()
        for cycle in tuple(self._running):
            cycle.cut()
            if cycle.task is not None:
                cycle.task.cancel()
        return lines


def seconds_until(deadline_ns: int) -> float:
    """Seconds from now to a monotonic time; 0 if it has passed."""
    return max(0.0, (deadline_ns - monotonic_ns()) / NS_PER_S)
