"""The access log: lines are made at once and written in batches."""

from __future__ import annotations

import threading
from typing import Self

from pfork.config import LogSettings
from pfork.telemetry.atoms import Exchange, compile_format
from pfork.telemetry.logs import error_log
from pfork.telemetry.sink import Sink, check_target

BATCH = 64 * 1024
"""Characters after which a batch is written without being asked for: what a pipe holds on Linux."""


class AccessLog:
    """One line per request. Any thread may log; whoever runs a loop flushes at the end of each turn."""

    __slots__ = ("_format", "_lines", "_lock", "_sink", "_size")

    def __init__(self, sink: Sink, text: str) -> None:
        """Raises ConfigError when ``text`` is not a format."""
        self._format = compile_format(text)
        self._sink = sink
        self._lines: list[str] = []
        self._size = 0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, settings: LogSettings) -> Self | None:
        """The access log of the settings; None if they want none. To be called before privileges are dropped.

        Raises:
            ConfigError: the file cannot be written, or the format has an unknown atom.
        """
        if settings.accesslog is None:
            return None
        compile_format(settings.access_log_format)  # before a file is made
        return cls(Sink("accesslog", settings.accesslog, stream=1), settings.access_log_format)

    @staticmethod
    def check(settings: LogSettings) -> None:
        """Whether ``open`` would succeed. Makes no file.

        Raises:
            ConfigError: it would not.
        """
        compile_format(settings.access_log_format)
        if settings.accesslog is not None:
            check_target("accesslog", settings.accesslog)

    def log(self, exchange: Exchange) -> None:
        """Add the line of an exchange to the batch."""
        line = self._format(exchange)
        self._lines.append(line)
        # Threads may lose each other's sums; the limit need not be exact.
        self._size += len(line)
        if self._size > BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the batch, to a file in one system call. Never raises; what does not fit is kept or dropped."""
        if not self._lines:
            return
        with self._lock:
            # Other threads append meanwhile: take what is there by number, and leave the rest where it is.
            lines = self._lines[:]
            del self._lines[: len(lines)]
            self._size = 0
            lines.append("")
            data = "\n".join(lines).encode("utf-8", "backslashreplace")
            written = self._sink.write(data, len(lines) - 1)
            dropped = self._sink.dropped
            if written:
                self._sink.dropped = 0
        if written and dropped:
            error_log.warning("%d access log lines dropped: the log could not be written", dropped)

    def reopen(self) -> None:
        """Open the file again after a rotation. If that fails, it is reported and the old file kept."""
        self.flush()
        try:
            with self._lock:
                self._sink.reopen()
        except OSError as error:
            error_log.error("the access log cannot be reopened, the old one is still written: %s", error)

    def close(self) -> None:
        """Write what is there and close the file."""
        self.flush()
        with self._lock:
            self._sink.close()
