"""The one wait of the arbiter: signals, reports and the checker's answer come in here, and nothing else wakes it."""

from __future__ import annotations

import selectors
import signal
import socket

from pfork.base import NS_PER_S, Clock


class Wakeup:
    """Waits for signals and for descriptors, until a deadline."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._selector.register(self._reader, selectors.EVENT_READ)

    def listen_to_signals(self) -> None:
        """Have the C-level signal handler write each signal's number here. A full buffer loses nothing that matters:
        the arbiter has thousands of signals before it then."""
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)

    def watch(self, fd: int) -> None:
        self._selector.register(fd, selectors.EVENT_READ)

    def forget(self, fd: int) -> None:
        self._selector.unregister(fd)

    def wait(self, until_ns: int) -> tuple[bytes, list[int]]:
        """Wait until something comes or the monotonic time ``until_ns`` (0: for ever).

        Returns the numbers of the signals that came, in order, and the descriptors that can be read.
        """
        timeout = None
        if until_ns:
            timeout = max(0, until_ns - self._clock.monotonic_ns()) / NS_PER_S
        ready = [key.fd for key, _ in self._selector.select(timeout)]
        signals = b""
        if self._reader.fileno() in ready:
            ready.remove(self._reader.fileno())
            signals = self._reader.recv(4096)
        return signals, ready

    def close_in_child(self) -> None:
        """In a forked child: give up the descriptors. The epoll set is shared with the arbiter, so it is closed as a
        whole: to unregister anything here would unregister it there."""
        self._selector.close()
        self._reader.close()
        self._writer.close()

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._reader.close()
        self._writer.close()
