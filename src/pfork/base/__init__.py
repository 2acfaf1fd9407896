"""Floor 0: errors, the clock, the posix seam."""

from pfork.base.clock import NS_PER_S, Clock, SystemClock, ns
from pfork.base.errors import (
    AppImportError,
    AppTargetError,
    BindError,
    BootError,
    ConfigError,
    Exit,
    KindError,
    PforkError,
    UsageError,
)
from pfork.base.posix import ExitStatus, Posix, SystemPosix, signal_name

__all__ = [
    "NS_PER_S",
    "AppImportError",
    "AppTargetError",
    "BindError",
    "BootError",
    "Clock",
    "ConfigError",
    "Exit",
    "ExitStatus",
    "KindError",
    "PforkError",
    "Posix",
    "SystemClock",
    "SystemPosix",
    "UsageError",
    "ns",
    "signal_name",
]
