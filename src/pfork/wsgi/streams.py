"""The two streams that an environ offers besides the body: ``wsgi.errors`` and ``wsgi.file_wrapper``."""

from __future__ import annotations

import io
import logging
import os
import threading
from typing import Any, NamedTuple

_log = logging.getLogger("pfork.error")


class ErrorStream(io.TextIOBase):
    """``wsgi.errors`` (PEP 3333, "Input and Error Streams"): what an application writes goes to the
    error log.

    It writes through the logger instead of to ``sys.stderr``, so that it follows ``errorlog``, its
    reopening and its deafness to a full disk, and carries the worker's identity. What one ``write()``
    gives, up to its last newline, is one record; a piece without one waits for its newline or for
    ``flush()``, in the thread that wrote it; the gateway flushes at the end of each request.

    Attributes:
        is_partial: a piece without a newline has been written, at some time, by some thread.
    """

    def __init__(self) -> None:
        self.is_partial = False
        self._pending = threading.local()

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        """Log the complete lines of ``text``; returns its length."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors is a text stream: write() takes str, not {type(text).__name__}")
        lines, newline, rest = text.rpartition("\n")
        pending: list[str] = self._pending.__dict__.setdefault("pieces", [])
        if newline:
            record = "".join(pending) + lines
            pending.clear()
            if record.strip():
                _log.error("%s", record)
        if rest:
            pending.append(rest)
            self.is_partial = True
        return len(text)

    def flush(self) -> None:
        """Log what has no newline yet."""
        pending: list[str] | None = getattr(self._pending, "pieces", None)
        if pending:
            self.write("\n")


class FileRange(NamedTuple):
    """A part of a regular file: ``size`` bytes from ``offset``."""

    file: Any
    offset: int
    size: int


_BUFFERED = (io.BufferedReader, io.BufferedRandom)


class FileWrapper:
    """``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling"): an iterable over a file.

    ``close()`` is the file's own at the time it is called: Django sets another one on the file after
    wrapping it.
    """

    __slots__ = ("block_size", "file")

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        self.file = file
        self.block_size = block_size

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self) -> Any:
        data = self.file.read(self.block_size)
        if data:
            return data
        raise StopIteration

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self.file, "close", None)
        if close is not None:
            close()

    def plain_range(self) -> FileRange | None:
        """What is left of the file, if its bytes are what ``read()`` would give; None: it must be read.

        A ``fileno()`` alone proves nothing: a GzipFile has that of the compressed file, and a subclass
        may decrypt in ``read()``. So only the interpreter's own binary files count, of exactly these
        types. What has no position is a pipe or the like. A file that has nothing left by its size is
        to be read all the same: those in /proc have no size.
        """
        file = self.file
        raw = file.raw if type(file) in _BUFFERED else file
        if type(raw) is not io.FileIO:
            return None
        try:
            offset = file.tell()
        except OSError:
            return None
        size = os.fstat(raw.fileno()).st_size - offset
        return FileRange(file, offset, size) if size > 0 else None
