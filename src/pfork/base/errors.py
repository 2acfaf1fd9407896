"""The error tree, by whose fault it is; each leaf knows the exit code of the command that ends with it.

The codes are Gunicorn's where Gunicorn has one, so that unit files and scripts keep their meaning.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of ``pfork`` and of its workers while they boot."""

    OK = 0
    CONFIG = 1  # configuration or bind error
    USAGE = 2  # wrong command line
    BOOT = 3  # the app could not be imported or did not start
    APP = 4  # the app's module is there, the app is not
    ORPHAN = 70  # a worker that found its arbiter gone before it was ready


class PforkError(Exception):
    """Something a person has to mend. ``str()`` says where, what and which rule; ``hint`` says what to do.

    Attributes:
        exit_code: the code the command ends with when nobody handles the error.
        hint: the remedy, a sentence; empty when the message says it all.
    """

    exit_code: Exit = Exit.CONFIG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def render(self) -> str:
        """The message and, on a line of its own, the remedy."""
        return f"{self}\n  {self.hint}" if self.hint else str(self)


class UsageError(PforkError):
    """The command line is wrong."""

    exit_code = Exit.USAGE


class ConfigError(PforkError):
    """One or more settings are wrong. The message has a line for each of them."""

    exit_code = Exit.CONFIG


class BindError(PforkError):
    """An address cannot be listened on. The message names it and, where it can be known, who holds it."""

    exit_code = Exit.CONFIG


class KindError(PforkError):
    """The app is of an interface that the chosen worker kind cannot serve."""

    exit_code = Exit.CONFIG


class AppImportError(PforkError):
    """The app's module cannot be found or raised while it was imported, or its factory raised."""

    exit_code = Exit.BOOT


class AppTargetError(PforkError):
    """The app's module was imported, but what the target names is missing or not callable."""

    exit_code = Exit.APP


class BootError(PforkError):
    """The app was loaded, but did not start: its lifespan failed."""

    exit_code = Exit.BOOT
