"""The loggers ``pfork.error`` and ``pfork.access``, in the form that Gunicorn's users know.

``[2026-11-24 11:20:44 +0000] [42] [INFO] worker=1 gen=2 pid=42 ready``
"""

from __future__ import annotations

import logging

from pfork.base import ConfigError
from pfork.config import LogSettings
from pfork.telemetry.sink import Sink

_FORMAT = "%(asctime)s [%(process)d] [%(levelname)s] %(identity)s%(message)s"
_DATE_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"

error_log = logging.getLogger("pfork.error")
_access_log = logging.getLogger("pfork.access")

_fields = {"identity": ""}  # what every record has besides its own; the formatter looks here each time


class SinkHandler(logging.Handler):
    """Writes records to a sink, each in one piece, traceback and all. Never raises."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        if not self._sink.write(self._line(record)) or not self._sink.dropped:
            return
        count = self._sink.dropped
        self._sink.dropped = 0
        self._sink.write(self._line(_notice("%d log lines dropped: the log could not be written", count)))

    def reopen(self) -> None:
        """Open the file again. Raises OSError."""
        self.acquire()
        try:
            self._sink.reopen()
        finally:
            self.release()

    def close(self) -> None:
        self.acquire()
        try:
            self._sink.close()
        finally:
            self.release()
        super().close()

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - a wrong log call must not cost a request
            where = f"{record.pathname}:{record.lineno}"
            text = self.format(_notice("%s: a log message cannot be formatted: %r", where, error))
        return text.encode("utf-8", "backslashreplace") + b"\n"


def setup_logs(settings: LogSettings) -> None:
    """Send both loggers where the settings say. A second call replaces what the first one set up.

    ``pfork.access`` is for apps and log configurations that name it; pfork's own lines come from
    ``AccessLog``.

    Raises:
        ConfigError: a log file cannot be written; nothing has changed then.
    """
    errors = SinkHandler(Sink("errorlog", settings.errorlog, stream=2))
    errors.setFormatter(logging.Formatter(_FORMAT, _DATE_FORMAT, defaults=_fields))
    accesses: logging.Handler = logging.NullHandler()
    if settings.accesslog is not None:
        try:
            accesses = SinkHandler(Sink("accesslog", settings.accesslog, stream=1))
        except ConfigError:
            errors.close()
            raise
    _replace_handlers(error_log, errors)
    error_log.setLevel(settings.loglevel.upper())
    _replace_handlers(_access_log, accesses)
    _access_log.setLevel(logging.INFO)


def set_identity(text: str) -> None:
    """Put ``text``, which says who speaks ("worker=1 gen=2 pid=42"), before each message of this process."""
    _fields["identity"] = f"{text} " if text else ""


def reopen_logs() -> None:
    """Open the log files again after a rotation: ours and every ``FileHandler`` of the app, as Gunicorn does.

    A file that cannot be opened is reported, and the old one still written.
    """
    for handler in _all_handlers():
        try:
            if isinstance(handler, SinkHandler):
                handler.reopen()
            elif isinstance(handler, logging.FileHandler):
                _reopen_file(handler)
        except OSError as error:
            error_log.error("a log file cannot be reopened, the old one is still written: %s", error)


def _replace_handlers(logger: logging.Logger, handler: logging.Handler) -> None:
    """The new one is there before the old ones go, so that no line of another thread is lost between."""
    old = list(logger.handlers)
    logger.propagate = False
    logger.addHandler(handler)
    for one in old:
        logger.removeHandler(one)
        if isinstance(one, SinkHandler):  # another one is somebody else's to close
            one.close()


def _all_handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    return list({id(handler): handler for logger in loggers for handler in logger.handlers}.values())


def _reopen_file(handler: logging.FileHandler) -> None:
    handler.acquire()
    try:
        old = handler.stream
        if old is not None:  # not yet opened (delay=True): it will open what has the name then
            handler.stream = handler._open()
            old.close()
    finally:
        handler.release()


def _notice(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(error_log.name, logging.WARNING, __file__, 0, text, arguments, None)
