"""The thread worker: the reactor in the main thread, and the app called by a pool of threads."""

from __future__ import annotations

import logging
import os
import queue
import socket
import sys
import threading
from collections import deque
from typing import Final

from pfork.workers.answering import Answerer
from pfork.workers.connection import Connection, Ending
from pfork.workers.outlet import LockedOutlet, Outlet
from pfork.workers.reactor import Reactor
from pfork.workers.shift import Shift

log = logging.getLogger("pfork.error")

_MOSTLY_FREE: Final = 4
"""A worker with three quarters of its threads free will hardly be full when a client's next request comes."""


def serve(shift: Shift) -> None:
    """Serve until drained."""
    kind = ThreadKind(shift)
    kind.start()
    kind.reactor.run()


class ThreadKind:
    """The reactor's kind of a thread worker.

    A request is handed to the pool when it is complete. The thread that answers it sends the response itself,
    as far as the client takes it at once; then the connection goes back to the reactor.
    """

    def __init__(self, shift: Shift) -> None:
        processes = shift.assignment.processes
        self._threads = processes.threads
        self._is_alone = processes.workers == 1
        self._slot = shift.assignment.slot
        self._answerer = Answerer(shift, multithread=True)
        self._work: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._busy = 0  # requests handed to the pool and not given back; the reactor's own
        self._answered: deque[tuple[Connection, Ending]] = deque()
        self._bell = Bell()
        self.reactor = Reactor(shift, self._answerer.gateway, self)
        self.reactor.watch(self._bell.fileno(), self._take_back)

    def start(self) -> None:
        """Start the pool. Daemons: a request that hangs must not keep a worker that is told to quit."""
        for number in range(1, self._threads + 1):
            threading.Thread(target=self._answer_for_ever, name=f"pfork-{number}", daemon=True).start()

    # In the reactor's thread

    def serve_ready(self) -> None:
        """Hand over what is complete."""
        ready = self.reactor.ready
        while ready:
            self._busy += 1
            self._work.put(ready.popleft())
        if self._busy >= self._threads:
            self.reactor.update_accepting()

    def has_room(self) -> bool:
        """Whether a thread is free, or will be in a moment and no other worker has one: else a new client would have to
        wait until those that are connected leave a thread free, which may be never."""
        return self._busy < self._threads or (
            self._answerer.is_quick and not self._slot.has_idle_sibling(room=self._threads)
        )

    def make_outlet(self, sock: socket.socket) -> Outlet:
        """Written to by the pool, sent by the reactor, too."""
        return LockedOutlet(self.reactor, sock)

    def _take_back(self) -> None:
        self._bell.silence()
        answered = self._answered
        while answered:
            connection, ending = answered.popleft()
            self._busy -= 1
            connection.answered(ending)
        self.reactor.resume_accepting()

    # In the pool

    def may_keep_alive(self) -> bool:
        """Only where no other worker could be quicker, or hardly ever.

        Measured with the load of ``answering.QUICK_NS`` on two workers of two threads: the 99th percentile was
        126-185 ms where an ideal single queue had 114-139; letting a client go only when all threads were busy and
        another worker idle, 234-276. Clients of a worker that is mostly free are kept, since their network may be
        slower than ours.
        """
        return (
            self._answerer.is_quick
            or self._busy * _MOSTLY_FREE <= self._threads
            or (self._is_alone and not self._slot.has_idle_sibling())
        )

    def _answer_for_ever(self) -> None:
        while True:
            connection = self._work.get()
            ending = Ending.RESET
            try:
                ending = self._answerer.answer(connection)
            except BaseException:  # the border of the thread: a fault of pfork's must not cost a thread
                log.critical("a request failed inside pfork", exc_info=True)
            self._answered.append((connection, ending))
            self._bell.ring()


class Bell:
    """Wakes the reactor from any thread; many rings before it wakes are one."""

    def __init__(self) -> None:
        if sys.platform == "linux":
            self._reader = self._writer = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._reader, False)
            os.set_blocking(self._writer, False)
        self._has_rung = False

    def fileno(self) -> int:
        """Readable after a ring."""
        return self._reader

    def ring(self) -> None:
        """Whoever rings has put down before what it rings for."""
        if not self._has_rung:
            self._has_rung = True
            os.write(self._writer, b"\1\0\0\0\0\0\0\0")

    def silence(self) -> None:
        """From here on a ring wakes again; so look for what was put down after this."""
        try:
            os.read(self._reader, 8)
        except BlockingIOError:
            pass
        self._has_rung = False
