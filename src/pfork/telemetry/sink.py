"""Log lines on their way to a file or a standard stream. A sink never raises and waits for nobody but a disk.

What does not fit is kept, up to a limit, and written first next time; beyond the limit, lines are dropped and
counted. A line may be late or missing, but it is not torn. Nor do workers that share a destination write into
each other's lines: to a file, appending, any write is whole; to a pipe, one of at most PIPE_BUF bytes is (POSIX
write(2)), so batches are cut into such pieces, between lines.
"""

from __future__ import annotations

import errno
import os
import select

from pfork.base import ConfigError
from pfork.telemetry.streams import LogFile, Stream, standard_stream

LIMIT = 64 * 1024
"""Bytes kept while a destination takes nothing: as much again as Linux keeps in a pipe."""

# How containers write "-". Opened by name, a stream that is a socket would be an error.
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


class Sink:
    """A destination. Not safe for several threads: its owner has a lock.

    Attributes:
        dropped: lines lost since somebody last looked; whoever reports them sets it back to 0.
    """

    def __init__(self, setting: str, target: str, stream: int) -> None:
        """Open ``target``: a path, or "-" for the standard ``stream`` (1 or 2). Errors name ``setting``.

        Raises:
            ConfigError: the file cannot be written.
        """
        self.dropped = 0
        self._kept = b""
        self._pid = os.getpid()
        self._file: LogFile | None = None
        if _is_stream(target):
            self._stream: Stream = standard_stream(_STREAMS.get(target, stream))
            return
        try:
            self._stream = self._file = LogFile(target)
        except OSError as error:
            raise _unwritable(setting, target, error) from error

    def write(self, data: bytes, lines: int = 1) -> bool:
        """Write whole lines: now, with the next ones, or never. True when nothing is left to be written."""
        if self._kept or self.dropped:
            self._forget_parent()
        if self._kept:
            self._kept = self._kept[self._send(self._kept) :]
        if not self._kept:
            self._kept = data[self._send(data, is_whole=lines == 1) :]
        elif len(self._kept) + len(data) <= LIMIT:
            self._kept += data
        else:
            self.dropped += lines
        return not self._kept

    def _send(self, data: bytes, *, is_whole: bool = False) -> int:
        """Send in one piece, or in pieces that others cannot write into. Returns the number of bytes sent."""
        is_whole = is_whole or self._file is not None
        sent = 0
        try:
            while sent < len(data):
                end = len(data) if is_whole else _end_of_piece(data, sent)
                sent += self._stream.send(data[sent:end])
                if sent < end:
                    break
        except (OSError, ValueError):
            # Full, gone, out of space: all the same to whoever has requests to answer. (ValueError: select
            # cannot look at a descriptor so high.)
            pass
        return sent

    def reopen(self) -> None:
        """Open the file again that has the name now; a standard stream stays.

        Raises:
            OSError: it cannot be opened; the old one is still written.
        """
        if self._file is not None:
            self._file.reopen()

    def close(self) -> None:
        """Write what is kept, if that can be, and close."""
        if self._kept:
            self._send(self._kept)
        self._stream.close()

    def _forget_parent(self) -> None:
        """What was kept when this process was forked is the parent's to write and to report."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._kept = b""
            self.dropped = 0


def check_target(setting: str, target: str) -> None:
    """See whether a log file could be opened, without making it: that is up to the process that writes it.

    Raises:
        ConfigError: it could not.
    """
    directory = os.path.dirname(os.path.abspath(target))
    if _is_stream(target):
        return
    if os.path.isdir(target):
        number = errno.EISDIR
    elif not os.path.isdir(directory):
        number = errno.ENOENT
    elif not os.access(target if os.path.exists(target) else directory, os.W_OK):
        number = errno.EACCES
    else:
        return
    raise _unwritable(setting, target, OSError(number, os.strerror(number)))


def _end_of_piece(data: bytes, start: int) -> int:
    """The end of as many whole lines as a pipe takes at once; a line that is longer goes alone."""
    if len(data) - start <= select.PIPE_BUF:
        return len(data)
    return data.rfind(b"\n", start, start + select.PIPE_BUF) + 1 or data.find(b"\n", start) + 1 or len(data)


def _is_stream(target: str) -> bool:
    return target == "-" or target in _STREAMS


def _unwritable(setting: str, target: str, error: OSError) -> ConfigError:
    reasons = {
        errno.ENOENT: "its directory does not exist",
        errno.ENOTDIR: "its directory is not a directory",
        errno.EISDIR: "it is a directory",
        errno.EACCES: f"user {os.geteuid()} may not write it",
        errno.ENXIO: "nobody reads from it",  # a named pipe, or a socket
    }
    reason = reasons.get(error.errno or 0, (error.strerror or str(error)).lower())
    return ConfigError(
        f"{setting} = {target!r}: the log cannot be written: {reason}",
        hint='Name a file in a directory that the server may write to, or "-" for the standard stream.',
    )
