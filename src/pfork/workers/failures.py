"""How a failed start is told: the app's part of a traceback, without the machinery around it."""

from __future__ import annotations

import os
import traceback

from pfork.base import PforkError

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_IMPORTLIB = ("<frozen importlib", os.path.join(os.path.dirname(traceback.__file__), "importlib"))


def is_app_file(filename: str) -> bool:
    """Whether a frame is the app's (or a library's) rather than pfork's or the import system's."""
    return not filename.startswith((_OWN, *_IMPORTLIB))


def ran_app_code(error: BaseException) -> bool:
    """Whether a line of the app was reached before the error was raised."""
    return any(is_app_file(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(error.__traceback__))


def last_line(error: BaseException) -> str:
    """``ValueError: message``, the line that ends a traceback."""
    return "".join(traceback.format_exception_only(error)).strip().rpartition("\n")[2]


def boot_failure_text(error: BaseException) -> str:
    """What a person is shown: message and remedy, then the app's traceback where the app raised.

    Of an error that is not pfork's own the whole traceback is shown: it may be a fault of pfork.
    """
    if not isinstance(error, PforkError):
        return "".join(traceback.format_exception(error)).rstrip()
    text = error.render()
    if error.__cause__ is not None:
        text += "\n" + traceback_text(error.__cause__)
    return text


def traceback_text(error: BaseException) -> str:
    """The traceback with the app's frames only, and those of the errors behind it."""
    told = traceback.TracebackException.from_exception(error)
    _cut(told)
    return "".join(told.format()).rstrip()


def _cut(told: traceback.TracebackException | None) -> None:
    while told is not None:
        told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if is_app_file(frame.filename)])
        for inner in told.exceptions or () if hasattr(told, "exceptions") else ():
            _cut(inner)
        if told.__cause__ is not None:
            _cut(told.__cause__)
        told = told.__context__
