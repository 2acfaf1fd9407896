"""The loop under sync and thread workers: one thread, one wait, no call that blocks but the app's own.

A turn: wait; read what clients sent and send what they take; have the kind answer the requests that are
complete; accept one connection where somebody knocked, read it and have it answered, too; listen to the
arbiter. Requests wait nowhere but in ``ready``, and a connection is accepted only by a worker that can serve
it, so no client waits for a busy worker while another is idle.

Deadlines are numbers of the connections. They are looked at once a second, while there are connections; an
idle worker waits without a timeout.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from pfork.base import NS_PER_S, ns
from pfork.config import HttpSettings
from pfork.control import Drain, Quit
from pfork.sockets import ConnectionInfo, Listener
from pfork.workers.acceptor import Acceptor
from pfork.workers.connection import Connection, Phase
from pfork.workers.outlet import NEVER, Outlet
from pfork.workers.poller import IN, make_poller
from pfork.workers.shift import DRAIN_GRACE_S, Shift
from pfork.wsgi import WsgiGateway

log = logging.getLogger("pfork.error")

_SWEEP_NS: Final = ns(1)
"""How often deadlines are looked at; more often where one is shorter."""

_STARVED_NS: Final = ns(1)
"""How long a worker without connections of its own waits for a descriptor that others may give back."""

_WARN_NS: Final = ns(60)
_EVICT: Final = 16
"""Idle connections that are closed for a new one when descriptors run out; the app needs a few of them,
too."""


class Times(NamedTuple):
    """The deadlines of clients, in nanoseconds."""

    header_ns: int
    body_ns: int
    send_ns: int
    keepalive_ns: int

    @classmethod
    def of(cls, http: HttpSettings) -> Times:
        return cls(ns(http.header_timeout), ns(http.body_timeout), ns(http.send_timeout), ns(http.keepalive))

    def shortest_ns(self) -> int:
        return min(time for time in (self.header_ns, self.body_ns, self.send_ns, self.keepalive_ns) if time)


class Kind(Protocol):
    """What a worker kind adds to the reactor."""

    def serve_ready(self) -> None:
        """Answer, or have answered, the requests in ``reactor.ready``, as many as there are now."""

    def has_room(self) -> bool:
        """Whether a request could be answered at once."""

    def may_keep_alive(self) -> bool:
        """Whether keeping a connection costs no client a wait."""

    def make_outlet(self, sock: socket.socket) -> Outlet:
        """The sending half for a new connection."""


class Reactor:
    """The connections of one worker.

    Attributes:
        now_ns: the time, as of the last wait or the last call of the app.
        ready: connections whose request is complete, for the kind.
        idle_ns: how long a kept-alive connection may be idle.
        has_quit: told to quit: no request is to be begun any more.
    """

    def __init__(self, shift: Shift, gateway: WsgiGateway, kind: Kind) -> None:
        assignment = shift.assignment
        self.gateway = gateway
        self.times = Times.of(assignment.http)
        self.idle_ns = self.times.keepalive_ns
        self.poller = make_poller()
        self.ready: deque[Connection] = deque()
        self.now_ns = time.monotonic_ns()
        self._shift = shift
        self._kind = kind
        self._slot = assignment.slot
        self._limit = assignment.processes.worker_connections
        self._acceptor = Acceptor(self.poller, assignment.listeners)
        self._connections: dict[int, Connection] = {}
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._knocking: list[Listener] = []
        self._sweep_every_ns = min(_SWEEP_NS, self.times.shortest_ns())
        self._sweep_at_ns = 0
        self._has_news = False
        self._is_inside_app = False
        self._drain: Drain | None = None
        self.has_quit = False
        self._starved_until_ns = 0
        self._warn_at_ns = 0

    def run(self) -> None:
        """Serve until drained or told to quit."""
        self._watch_ear()
        self.update_accepting()
        self._shift.ready()
        access_log = self._shift.access_log
        try:
            while not self._is_over():
                self._turn()
                if self.ready:
                    self._kind.serve_ready()
                if self._knocking:
                    self._answer_the_door()
                if self._has_news:
                    self._listen()
                if access_log is not None:
                    access_log.flush()
        finally:
            self._close()

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back whenever a descriptor is readable."""
        self._callbacks[fd] = callback
        self.poller.register(fd, IN)

    def may_keep_alive(self) -> bool:
        """Whether the connection whose response begins now should be kept. Asked by any thread."""
        return (
            self.times.keepalive_ns > 0
            and self._drain is None
            and not self._slot.is_draining()
            and self._kind.may_keep_alive()
        )

    def wait_for_clients(self) -> None:
        """One wait, for an app that may not write more: clients are read from and sent to, and no app is
        called."""
        self._is_inside_app = True
        self._acceptor.unwatch()
        self._turn()
        if self._has_news:
            self._listen()
        if self.has_quit:
            for connection in self._connections.values():
                connection.outlet.lose()
        self._is_inside_app = False

    def forget(self, connection: Connection) -> None:
        """A connection was closed."""
        del self._connections[connection.fd]
        self._slot.set_connections(len(self._connections))
        self._starved_until_ns = 0
        self.resume_accepting()

    def update_accepting(self) -> None:
        """Watch the listeners if this worker can serve one connection more."""
        if (
            self._drain is None
            and not self._is_inside_app
            and not self._starved_until_ns
            and len(self._connections) < self._limit
            and self._kind.has_room()
        ):
            self._acceptor.watch()
        else:
            self._acceptor.unwatch()

    def resume_accepting(self) -> None:
        """The kind may have room again."""
        if not self._acceptor.is_watching:
            self.update_accepting()

    # A turn

    def _turn(self) -> None:
        """Wait, then do all I/O that is possible and keep the deadlines."""
        events = self.poller.poll(self._timeout())
        self.now_ns = time.monotonic_ns()
        connections = self._connections
        for fd, event in events:
            connection = connections.get(fd)
            if connection is not None:
                connection.on_event(event)
            else:
                self._on_other_event(fd)
        if self.now_ns >= self._sweep_at_ns or self._drain is not None:
            self._sweep()

    def _timeout(self) -> float:
        """Seconds until something has to be done without an event; -1 for never."""
        if self.ready or self._has_news:
            return 0.0
        if self._drain is not None:
            at_ns = self._next_deadline_ns(self._drain)
        elif self._connections or self._starved_until_ns:
            at_ns = self._sweep_at_ns
        else:
            return -1.0
        return max(0.0, (at_ns - self.now_ns) / NS_PER_S)

    def _on_other_event(self, fd: int) -> None:
        listener = self._acceptor.by_fd(fd)
        if listener is not None:
            self._knocking.append(listener)
        elif fd in self._callbacks:
            self._callbacks[fd]()

    def _sweep(self) -> None:
        """Act on the deadlines that have passed."""
        now_ns = self.now_ns
        self._sweep_at_ns = now_ns + self._sweep_every_ns
        overdue = [
            connection
            for connection in self._connections.values()
            if connection.deadline_ns <= now_ns or connection.outlet.deadline_ns <= now_ns
        ]
        for connection in overdue:
            connection.on_deadline(now_ns)
        if 0 < self._starved_until_ns <= now_ns:
            self._starved_until_ns = 0
            self.update_accepting()

    # New connections

    def _answer_the_door(self) -> None:
        """One connection for each listener that has one, each served before the next is accepted.

        It comes after the requests of the connections that this worker has already, and before the arbiter's
        orders: a knock woke this worker alone, so it must not be left unanswered.
        """
        knocking = self._knocking
        self._knocking = []
        for listener in knocking:
            if not self._acceptor.is_watching:
                break  # full since the last one; an idle worker sees the rest when it is woken, or looks next
            try:
                accepted = self._acceptor.accept(listener)
            except OSError as error:
                self._run_out_of_descriptors(error)
                break
            if accepted is not None:
                self._welcome(*accepted)
                self._kind.serve_ready()
                self.update_accepting()

    def _welcome(self, sock: socket.socket, info: ConnectionInfo) -> None:
        """Read a new connection at once: mostly its request is there already."""
        connection = Connection(self, sock, info, self._kind.make_outlet(sock))
        self._connections[connection.fd] = connection
        self._slot.set_connections(len(self._connections))
        connection.on_readable()
        if connection.phase < Phase.APP:
            connection.outlet.set_reading(True)

    def _run_out_of_descriptors(self, error: OSError) -> None:
        """EMFILE and its like: close what is idle, or wait until something is closed."""
        if self.now_ns >= self._warn_at_ns:
            self._warn_at_ns = self.now_ns + _WARN_NS
            log.warning(
                "cannot accept a connection: %s; raise the limit of open files (ulimit -n) or lower worker_connections",
                error.strerror,
            )
        idle = [connection for connection in self._connections.values() if connection.phase is Phase.IDLE]
        idle.sort(key=lambda connection: connection.deadline_ns)
        for connection in idle[:_EVICT]:
            connection.close()
        if not idle:
            self._starved_until_ns = self.now_ns + _STARVED_NS
            self._sweep_at_ns = min(self._sweep_at_ns, self._starved_until_ns)
            self.update_accepting()

    # Orders

    def _watch_ear(self) -> None:
        wanted = self._shift.ear.filenos()
        for fd in [fd for fd, callback in self._callbacks.items() if callback == self._on_news]:
            if fd not in wanted:
                del self._callbacks[fd]
                self.poller.unregister(fd)
        for fd in wanted:
            if fd not in self._callbacks:
                self.watch(fd, self._on_news)

    def _on_news(self) -> None:
        self._has_news = True

    def _listen(self) -> None:
        self._has_news = False
        order = self._shift.ear.listen()
        self._watch_ear()
        if isinstance(order, Quit):
            self.has_quit = True
        elif order is not None:
            self._begin_drain(order)

    def _begin_drain(self, order: Drain) -> None:
        """Accept no more; answer what has come. An idle connection is read for a moment: a request may be on
        its way."""
        is_first = self._drain is None
        self._drain = order
        if not is_first:
            return
        self._acceptor.unwatch()
        if order.empty_backlog:
            try:
                for sock, info in self._acceptor.pending():
                    self._welcome(sock, info)
            except OSError as error:
                log.warning("cannot accept the connections that still wait: %s", error.strerror)
        self._acceptor.close()
        self.idle_ns = min(self.idle_ns, ns(DRAIN_GRACE_S))
        for connection in self._connections.values():
            if connection.phase is Phase.IDLE:
                connection.deadline_ns = min(connection.deadline_ns, self.now_ns + self.idle_ns)

    def _next_deadline_ns(self, drain: Drain) -> int:
        """While draining: exactly, since every moment counts."""
        deadlines: Iterable[int] = (
            min(connection.deadline_ns, connection.outlet.deadline_ns) for connection in self._connections.values()
        )
        own_ns = drain.deadline_ns if self._shift.ear.is_orphaned else NEVER
        return min(own_ns, min(deadlines, default=NEVER), self.now_ns + _SWEEP_NS)

    def _is_over(self) -> bool:
        """Drained; or the time for it is over and there is no arbiter to end this worker."""
        if self._drain is None:
            return self.has_quit
        return (
            self.has_quit
            or not self._connections
            or (self._shift.ear.is_orphaned and self.now_ns >= self._drain.deadline_ns)
        )

    def _close(self) -> None:
        """Cut what is left. A socket that a thread of the pool may be using is left to the end of the
        process."""
        for connection in list(self._connections.values()):
            if connection.phase is Phase.APP:
                connection.outlet.lose()
            else:
                connection.close()
        self._acceptor.close()
        self.poller.close()
