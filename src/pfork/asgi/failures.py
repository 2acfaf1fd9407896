"""The app's errors in the log: which are its own, and how they read."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType

from pfork.asgi.contract import ClientDisconnected

_log = logging.getLogger("pfork.error")

_OWN_MODULES = ("pfork.asgi.", "pfork.http1.")


def is_departure(error: BaseException, *, body_missing: bool) -> bool:
    """Whether an error of the app, whose client has left, is but the echo of that.

    ASGI HTTP, "Disconnected Client - send exception": servers "should not log it as an error". Frameworks
    wrap what ``send`` raises in exceptions of their own, so the whole ancestry is looked at.
    ``body_missing``: the app was to read a body that never came to its end; what it says about that is no
    fault of its own.
    """
    return body_missing or isinstance(error, asyncio.CancelledError) or _descends(error, set())


def _descends(error: BaseException | None, seen: set[int]) -> bool:
    while error is not None and id(error) not in seen:
        if isinstance(error, ClientDisconnected):
            return True
        seen.add(id(error))
        if isinstance(error, BaseExceptionGroup) and all(_descends(one, seen) for one in error.exceptions):
            return True
        error = error.__cause__ or error.__context__
    return False


def log_failure(message: str, error: BaseException) -> None:
    """One record, with the traceback as the app's author knows it: it begins where the app was called."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and _is_own(frames):
        frames = frames.tb_next
    if frames is None and error.__cause__ is None and error.__context__ is None:
        _log.error("%s: %s: %s", message, type(error).__name__, error)
    else:
        _log.error("%s", message, exc_info=(type(error), error, frames))


def _is_own(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__")).startswith(_OWN_MODULES)
