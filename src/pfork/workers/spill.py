"""Files without a name, for what is too much to be kept in memory, and request bodies on their way in."""

from __future__ import annotations

import errno
import io
import os
from typing import IO, Final

MEMORY_BODY: Final = 64 * 1024
"""Bytes of a request body that are kept in memory. Forms and JSON fit; a thousand uploads at once still fit
too."""


def open_unnamed() -> int:
    """A descriptor of a new file that nobody else can open and that is gone when it is closed.

    In $TMPDIR, /tmp, /var/tmp or here, whichever takes it first. The ``tempfile`` module does the same, but
    its import costs a worker two megabytes (random, hashlib, OpenSSL).

    Raises:
        OSError: none of them takes it.
    """
    failure = OSError(errno.ENOENT, "no directory for temporary files")
    for directory in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "."):
        if not directory:
            continue
        path = os.path.join(directory, f"pfork-{os.getpid()}-{os.urandom(8).hex()}")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            failure = error
            continue
        os.unlink(path)
        return fd
    raise failure


class BodyStore:
    """A request body as it comes in: in memory while it is small, then in a file."""

    __slots__ = ("_file", "is_empty")

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self.is_empty = True

    def write(self, data: bytes) -> None:
        """Add bytes. Raises OSError when the disk does not take them."""
        self.is_empty = False
        file = self._file
        if isinstance(file, io.BytesIO) and file.tell() + len(data) > MEMORY_BODY:
            self._file = os.fdopen(open_unnamed(), "w+b")
            self._file.write(file.getbuffer())
        self._file.write(data)

    def finish(self) -> IO[bytes]:
        """The whole body, from its begin. Raises OSError when the disk does not take the last of it."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Let go of it."""
        try:
            self._file.close()
        except OSError:  # a full disk says so once more
            pass
