"""Bytes of a response that the client has not taken yet: in memory, then in a file without a name."""

from __future__ import annotations

import errno
import itertools
import os
import socket
from collections import deque
from typing import Final

from pfork.workers.spill import open_unnamed

MEMORY: Final = 1 << 20
"""Bytes that are kept in memory for one connection; more than most pages, and a thousand slow readers still
fit."""

MOST: Final = 64 << 20
"""Bytes that may wait for one connection. Beyond that the app has to wait until they are gone: a client that
reads nothing cannot fill the disk."""

_PIECE: Final = 1 << 30
_READ: Final = 64 * 1024
_MOST_PARTS: Final = 64  # for one sendmsg(2); far below IOV_MAX, and 64 small chunks are worth one call

# sendfile(2) cannot read from every kind of file.
_NO_SENDFILE: Final = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EOVERFLOW))


class FileShrunkError(OSError):
    """A file ended before the bytes that were promised from it."""


class FileSlice:
    """A part of a file that is to be sent. Sending does not touch the file's own position."""

    __slots__ = ("_sendfile", "count", "fd", "is_owned", "offset")

    def __init__(self, fd: int, offset: int, count: int, *, is_owned: bool) -> None:
        self.fd = fd
        self.offset = offset
        self.count = count
        self.is_owned = is_owned
        self._sendfile = True

    def send(self, sock: socket.socket) -> int:
        """Send once. Returns the bytes that went out.

        Raises:
            FileShrunkError: the file has fewer bytes now.
            BlockingIOError: the client takes no more at the moment.
            OSError: the client is gone, or the file cannot be read.
        """
        sent = self._send_once(sock)
        self.offset += sent
        self.count -= sent
        return sent

    def close(self) -> None:
        if self.is_owned:
            os.close(self.fd)

    def _send_once(self, sock: socket.socket) -> int:
        if self._sendfile:
            try:
                sent = os.sendfile(sock.fileno(), self.fd, self.offset, min(self.count, _PIECE))
            except OSError as error:
                if error.errno not in _NO_SENDFILE:
                    raise
                self._sendfile = False
            else:
                if not sent:
                    raise FileShrunkError(errno.EIO, "the file has shrunk while it was sent")
                return sent
        data = os.pread(self.fd, min(self.count, _READ), self.offset)
        if not data:
            raise FileShrunkError(errno.EIO, "the file has shrunk while it was sent")
        return sock.send(data)


class OutBuffer:
    """A queue of bytes and parts of files.

    Attributes:
        is_full: whoever adds has to wait until it is empty; it is so until then.
    """

    __slots__ = ("_in_memory", "_parts", "_spill", "_spill_end", "_spilled", "is_full")

    def __init__(self) -> None:
        self._parts: deque[bytes | memoryview | FileSlice] = deque()
        self._in_memory = 0
        self._spill = -1
        self._spill_end = 0
        self._spilled = False
        self.is_full = False

    def __bool__(self) -> bool:
        return bool(self._parts)

    def put(self, data: bytes | memoryview) -> None:
        """Add bytes, at least one."""
        if not self._spilled and self._in_memory + len(data) <= MEMORY:
            self._keep(data)
            return
        try:
            self._write_spill(data)
        except OSError:  # a full disk: memory takes this piece, and the app waits
            self._keep(data)
            self.is_full = True
        else:
            self.is_full = self.is_full or self._spill_end > MOST

    def put_file(self, part: FileSlice) -> None:
        """Add a part of a file, which is closed when it has been sent."""
        self._parts.append(part)

    def send(self, sock: socket.socket) -> int:
        """Send what the client takes now. Returns the bytes that went out.

        Raises:
            OSError: the client is gone, or a file cannot be read.
        """
        total = 0
        parts = self._parts
        try:
            while parts:
                part = parts[0]
                if isinstance(part, FileSlice):
                    total += part.send(sock)
                    if not part.count:
                        parts.popleft()
                        part.close()
                else:
                    total += self._send_memory(sock)
        except BlockingIOError:
            pass
        if not parts:
            self._reset()
        return total

    def close(self) -> None:
        """Drop everything."""
        for part in self._parts:
            if isinstance(part, FileSlice):
                part.close()
        self._parts.clear()
        self._reset()

    def _keep(self, data: bytes | memoryview) -> None:
        self._parts.append(data)
        self._in_memory += len(data)

    def _write_spill(self, data: bytes | memoryview) -> None:
        if self._spill < 0:
            self._spill = open_unnamed()
        start = self._spill_end
        view = memoryview(data)
        while view:
            written = os.pwrite(self._spill, view, start + len(data) - len(view))
            view = view[written:]
        self._spilled = True
        self._spill_end = start + len(data)
        last = self._parts[-1] if self._parts else None
        if isinstance(last, FileSlice) and last.fd == self._spill:
            last.count += len(data)
        else:
            self._parts.append(FileSlice(self._spill, start, len(data), is_owned=False))

    def _send_memory(self, sock: socket.socket) -> int:
        """Send the pieces at the front, up to the first part of a file."""
        parts = self._parts
        pieces: list[bytes | memoryview] = []
        for part in itertools.islice(parts, _MOST_PARTS):
            if isinstance(part, FileSlice):
                break
            pieces.append(part)
        sent = left = sock.sendmsg(pieces)
        while left:
            piece = parts[0]
            assert not isinstance(piece, FileSlice)
            if left < len(piece):
                parts[0] = memoryview(piece)[left:]
                break
            left -= len(piece)
            parts.popleft()
        self._in_memory -= sent
        return sent

    def _reset(self) -> None:
        """It is empty: begin anew, so that the file does not grow for ever."""
        if self._spill >= 0:
            os.close(self._spill)
        self._spill = -1
        self._spill_end = 0
        self._in_memory = 0
        self._spilled = False
        self.is_full = False
