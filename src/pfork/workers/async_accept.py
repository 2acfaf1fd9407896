"""Taking connections from the listeners that all workers share."""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Callable
from time import monotonic_ns
from typing import Final

from pfork.base import ns
from pfork.scoreboard import SlotWriter
from pfork.sockets import ConnectionInfo, Listener
from pfork.workers.poller import EXCLUSIVE, IN

log = logging.getLogger("pfork.error")

DEFERRAL_S: Final = 0.001
"""How long a busy worker leaves a connection to an idle one. The kernel has woken that one too, and a free
event loop accepts within a tenth of this; if nobody does, this worker does."""

SHORTAGE_S: Final = 1.0
"""How long nothing is accepted after the process ran out of descriptors or memory, unless a connection closes
before. Accepting on at once would spin: the listener stays readable."""

_WARN_NS: Final = ns(60)


class Doorbell:
    """A listener as the loop watches it: through an epoll of its own, where the system has it.

    Event loops watch descriptors in a way that puts whoever came last to the front of the kernel's queue, so the worker
    that has just accepted would be woken first again, and serve one client after the other while its siblings sleep.
    With EPOLLEXCLUSIVE (which event loops do not offer) it goes to the end. Behind another epoll that still wakes all
    of them; but in turn.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._epoll = select.epoll() if EXCLUSIVE else None
        self._fd = listener.fileno()
        if self._epoll is not None:
            self._epoll.register(self._fd, IN | EXCLUSIVE)

    def fileno(self) -> int:
        """What to watch for reading."""
        return self._fd if self._epoll is None else self._epoll.fileno()

    def step_back(self) -> None:
        """To the end of the queue."""
        if self._epoll is not None:
            self._epoll.unregister(self._fd)
            self._epoll.register(self._fd, IN | EXCLUSIVE)

    def close(self) -> None:
        """Give back what it holds; the listener stays."""
        if self._epoll is not None:
            self._epoll.close()


class Acceptor:
    """Accepts, one connection at a time, for as long as the worker has room.

    One per turn of the loop, not all that wait (as asyncio's and uvloop's own servers do): the worker that
    wakes up first would hoard connections that its siblings could serve at once.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listeners: tuple[Listener, ...],
        slot: SlotWriter,
        *,
        accepted: Callable[[socket.socket, ConnectionInfo], None],
        has_room: Callable[[], bool],
        make_room: Callable[[], None],
        make_doorbell: Callable[[Listener], Doorbell] = Doorbell,
    ) -> None:
        """``accepted`` is given each connection; ``has_room``: whether one more may be accepted;
        ``make_room`` is called when the process has run out of descriptors, and may close some."""
        self._loop = loop
        self._doorbells = {listener: make_doorbell(listener) for listener in listeners}
        self._slot = slot
        self._accepted = accepted
        self._has_room = has_room
        self._make_room = make_room
        self._warn_at_ns = 0
        self._watched: set[Listener] = set()
        self._is_open = False
        self._is_short = False

    def open(self) -> None:
        """Begin to accept."""
        self._is_open = True
        self.go_on()

    def go_on(self) -> None:
        """Accept again, if there is room: a connection has been closed."""
        self._is_short = False
        if self._is_open and self._has_room():
            for listener in self._doorbells:
                self._watch(listener)

    def stop(self, *, empty_backlog: bool) -> None:
        """Accept no more. ``empty_backlog``: but all that has come so far, since nobody else will."""
        if not self._is_open:
            return
        self._is_open = False
        self._pause()
        for listener, doorbell in self._doorbells.items():
            while empty_backlog and self._accept(listener):
                pass
            # Once the arbiter and all workers have let go, a client is refused, not left waiting for an answer.
            doorbell.close()
            listener.close(unlink=False)

    def _on_readable(self, listener: Listener) -> None:
        if self._slot.active and self._slot.has_idle_sibling():
            # Without taking the listener out of the loop, it would be reported again at once.
            self._unwatch(listener)
            self._loop.call_later(DEFERRAL_S, self._after_deferral, listener)
        else:
            self._accept(listener)

    def _after_deferral(self, listener: Listener) -> None:
        if self._is_open and not self._is_short and self._has_room():
            self._watch(listener)
            self._accept(listener)

    def _accept(self, listener: Listener) -> bool:
        """Accept one; whether there was one."""
        try:
            found = listener.accept()
        except OSError as error:
            self._run_short(error)
            return False
        if found is None:
            return False
        if self._is_open:
            self._doorbells[listener].step_back()
        self._accepted(*found)
        if not self._has_room():
            self._pause()
        return True

    def _run_short(self, error: OSError) -> None:
        """EMFILE and its like."""
        self._pause()
        if self._is_short:
            return
        self._is_short = True
        now_ns = monotonic_ns()
        if now_ns >= self._warn_at_ns:
            self._warn_at_ns = now_ns + _WARN_NS
            log.warning(
                "cannot accept a connection: %s; raise the limit of open files (ulimit -n), "
                "or lower worker_connections",
                error.strerror,
            )
        self._loop.call_later(SHORTAGE_S, self.go_on)
        self._make_room()

    def _pause(self) -> None:
        for listener in self._doorbells:
            self._unwatch(listener)

    def _watch(self, listener: Listener) -> None:
        if listener not in self._watched:
            self._watched.add(listener)
            self._loop.add_reader(self._doorbells[listener], self._on_readable, listener)

    def _unwatch(self, listener: Listener) -> None:
        if listener in self._watched:
            self._watched.discard(listener)
            self._loop.remove_reader(self._doorbells[listener])
