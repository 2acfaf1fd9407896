"""How bytes leave for a log without waiting for whoever reads them.

A standard stream may be a pipe whose reader has stopped reading. Ordinary writes would then block every
worker. ``O_NONBLOCK`` on the stream itself is no remedy: the flag belongs to the open file, which the shell
and other programs share, and would break theirs. So each kind of stream has its own way:

* a pipe or a terminal is opened anew through /proc, which gives an open file, and a flag, of our own;
* a socket (systemd's journal) is asked not to wait, send by send;
* where there is no /proc, ``select`` is asked before each piece that a writable pipe takes whole. Another
  process may take the room between the two calls; that gap is why this is the last resort.

A stream here has a descriptor of its own, since an app may close the standard one, and its number then
becomes a client's connection.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
from typing import Protocol

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""Appending, so that the writes of several processes land whole, each at the end (POSIX write(2)).
Non-blocking for the sake of named pipes: one without a reader is then an error and not a hang."""


class Stream(Protocol):
    """Somewhere to send bytes."""

    def send(self, data: bytes) -> int:
        """Send what can be sent at once. Returns the number of bytes; raises OSError if it is none."""

    def close(self) -> None:
        """Close it."""


class _Descriptor:
    """A regular file, or what was opened non-blocking."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def send(self, data: bytes) -> int:
        return os.write(self._fd, data)

    def close(self) -> None:
        os.close(self._fd)

    def replace(self, fd: int) -> None:
        """Mean another file from now on. The number stays: another thread may be about to write to it."""
        os.dup2(fd, self._fd, inheritable=False)
        os.close(fd)


class _Polled(_Descriptor):
    """A pipe or a terminal that other programs expect to block."""

    def send(self, data: bytes) -> int:
        sent = 0
        while sent < len(data) and select.select([], [self._fd], [], 0)[1]:
            try:
                sent += os.write(self._fd, data[sent : sent + select.PIPE_BUF])
            except OSError:
                if not sent:
                    raise
                break
        return sent


class _Socket:
    """A connection, for instance to systemd's journal."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)

    def send(self, data: bytes) -> int:
        return self._socket.send(data, socket.MSG_DONTWAIT)

    def close(self) -> None:
        self._socket.close()


class Nowhere:
    """A stream that was closed from the beginning, as with ``>&-``."""

    def send(self, data: bytes) -> int:
        raise BrokenPipeError(errno.EPIPE, "closed")

    def close(self) -> None:
        pass


class LogFile(_Descriptor):
    """A log file, made if there is none."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        # Absolute, so that it is reopened where it was: a worker changes its directory.
        self.path = os.path.abspath(path)
        super().__init__(_open(self.path))

    def reopen(self) -> None:
        """Open what has the name now, after a rotation. Raises OSError, and keeps the old file then."""
        self.replace(_open(self.path))


def standard_stream(number: int) -> Stream:
    """A way to the stream that descriptor 1 or 2 stands for at this moment."""
    try:
        mode = os.fstat(number).st_mode
        if stat.S_ISSOCK(mode):
            return _Socket(os.dup(number))
        if stat.S_ISREG(mode):
            return _Descriptor(os.dup(number))  # not opened anew: its other writers share the position
    except OSError:
        return Nowhere()
    try:
        return _Descriptor(os.open(f"/proc/self/fd/{number}", _FLAGS))
    except OSError:  # no /proc, or the pipe of another user
        return _Polled(os.dup(number))


def _open(path: str) -> int:
    return os.open(path, _FLAGS | os.O_CREAT, 0o666)
