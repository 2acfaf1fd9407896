"""Settings of the logs."""

from __future__ import annotations

from dataclasses import dataclass

from pfork.config.kinds import Kind, choice, optional_text, text
from pfork.config.row import setting

_LEVELS: Kind[str] = choice("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the logs go, and what they say."""

    errorlog: str = setting(
        "-",
        text,
        flags=("--error-logfile", "--log-file"),
        metavar="FILE",
        help="File of the error log; - is stderr.",
    )
    loglevel: str = setting(
        "info",
        _LEVELS,
        flags=("--log-level",),
        metavar="LEVEL",
        help="Least important messages to log: debug, info, warning, error or critical.",
    )
    accesslog: str | None = setting(
        None,
        optional_text,
        flags=("--access-logfile",),
        metavar="FILE",
        help="File of the access log; - is stdout.",
    )
    access_log_format: str = setting(
        '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',  # Gunicorn's: the combined log format
        text,
        flags=("--access-logformat",),
        metavar="FORMAT",
        help="Format of a line of the access log, in Gunicorn's notation.",
    )
