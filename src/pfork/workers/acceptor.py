"""Taking connections from the listeners that all workers share."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from pfork.sockets import ConnectionInfo, Listener
from pfork.workers.poller import EXCLUSIVE, IN, Poller


class Acceptor:
    """Watches the listeners while this worker can serve, and only then."""

    def __init__(self, poller: Poller, listeners: Iterable[Listener]) -> None:
        self._poller = poller
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self.is_watching = False

    def by_fd(self, fd: int) -> Listener | None:
        """The listener of a descriptor."""
        return self._listeners.get(fd)

    def watch(self) -> None:
        """Be told of connections. Of all workers that wait, the kernel tells one."""
        if not self.is_watching:
            self.is_watching = True
            for fd in self._listeners:
                self._poller.register(fd, IN | EXCLUSIVE)

    def unwatch(self) -> None:
        """Leave them to the other workers.

        Call this only when no knock is unanswered: the kernel woke this worker alone for it, and the others
        sleep on.
        """
        if self.is_watching:
            self.is_watching = False
            for fd in self._listeners:
                self._poller.unregister(fd)

    def accept(self, listener: Listener) -> tuple[socket.socket, ConnectionInfo] | None:
        """A connection, if no other worker was quicker. Raises OSError when there is no descriptor left for
        it."""
        accepted = listener.accept()
        if accepted is not None:
            # Back to the end of the kernel's queue of exclusive waiters, so that idle workers take turns.
            # Where a worker stays in its place, the first one gets every connection that comes while it is
            # idle, and the rest nothing.
            fd = listener.fileno()
            self._poller.unregister(fd)
            self._poller.register(fd, IN | EXCLUSIVE)
        return accepted

    def pending(self) -> Iterable[tuple[socket.socket, ConnectionInfo]]:
        """All connections that wait now. Raises OSError as ``accept``."""
        for listener in self._listeners.values():
            while (accepted := listener.accept()) is not None:
                yield accepted

    def close(self) -> None:
        """Never accept again: once the arbiter and all workers have let go, clients are refused."""
        self.unwatch()
        for listener in self._listeners.values():
            listener.close(unlink=False)
        self._listeners.clear()
