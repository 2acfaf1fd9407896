"""The sync worker: the reactor, and the app called inline. One request at a time, and any number of slow
clients."""

from __future__ import annotations

import socket
import time

from pfork.workers.answering import Answerer
from pfork.workers.outlet import Outlet
from pfork.workers.reactor import Reactor
from pfork.workers.shift import Shift


def serve(shift: Shift) -> None:
    """Serve until drained."""
    SyncKind(shift).reactor.run()


class SyncKind:
    """The reactor's kind of a sync worker."""

    def __init__(self, shift: Shift) -> None:
        self._slot = shift.assignment.slot
        self._is_alone = shift.assignment.processes.workers == 1
        self._answerer = Answerer(shift, multithread=False)
        self.reactor = Reactor(shift, self._answerer.gateway, self)

    def serve_ready(self) -> None:
        """Answer what is complete now. Requests that are complete only after one of them wait for the next turn,
        so that a client that sends many at once does not keep out the others."""
        reactor = self.reactor
        ready = reactor.ready
        for _ in range(len(ready)):
            if reactor.has_quit:
                return
            connection = ready.popleft()
            ending = self._answerer.answer(connection)
            reactor.now_ns = time.monotonic_ns()
            connection.answered(ending)
        reactor.resume_accepting()

    def has_room(self) -> bool:
        """Whoever asks is not inside the app."""
        return True

    def may_keep_alive(self) -> bool:
        """Only where no other worker could be quicker."""
        return self._answerer.is_quick or (self._is_alone and not self._slot.has_idle_sibling())

    def make_outlet(self, sock: socket.socket) -> Outlet:
        """One thread, so no lock."""
        return Outlet(self.reactor, sock)
