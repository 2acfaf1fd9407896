"""The lifespan of the app: started before the first connection, shut down after the last.

ASGI Lifespan 2.0. One task runs the app with a scope of type "lifespan" for as long as the worker serves.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Any, Literal, NoReturn

from pfork.asgi.contract import Application, InvalidMessage, Message
from pfork.base import BootError

Mode = Literal["auto", "on", "off"]

_log = logging.getLogger("pfork.error")


class Lifespan:
    """Start and shut down the app of this worker.

    ``mode``: "off" never calls the app; "on" takes every error before ``lifespan.startup.complete`` as a
    failure; "auto" takes an exception there as "does not know the protocol" and goes on without it (Lifespan,
    "Scope"), but ``lifespan.startup.failed`` as a failure.

    Attributes:
        state: what the app put there at startup; each request gets a shallow copy (Lifespan, "Lifespan State").
        context: the context that the app's startup ran in; a copy of it is the context of each request, so that a
            context variable set at startup is seen by requests.
    """

    def __init__(self, app: Application, *, mode: Mode) -> None:
        self.state: dict[str, Any] = {}
        self.context = contextvars.copy_context()
        self._app = app
        self._mode = mode
        self._task: asyncio.Task[None] | None = None
        self._received = 0
        self._started: asyncio.Future[None]
        self._asked_to_stop: asyncio.Future[None]
        self._stopped: asyncio.Future[None]

    async def startup(self) -> None:
        """Return when the app is ready for requests. The arbiter's ``boot_timeout`` limits how long that may take.

        Raises:
            BootError: the app said that it failed, or (mode "on") raised or returned instead of an answer.
        """
        if self._mode == "off":
            return
        loop = asyncio.get_running_loop()
        self._started = loop.create_future()
        self._asked_to_stop = loop.create_future()
        self._stopped = loop.create_future()
        self._task = asyncio.Task(self._run(), loop=loop, context=self.context, name="pfork lifespan")
        try:
            await self._started
        except BootError:
            self._task.cancel()
            raise

    async def shutdown(self, timeout: float) -> None:
        """Let the app clean up; give up after ``timeout`` seconds. Never raises: errors are logged."""
        task = self._task
        if task is None or task.done() or not self._started.done():
            return
        self._asked_to_stop.set_result(None)
        await asyncio.wait((self._stopped, task), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not self._stopped.done():
            _log.warning("The app's lifespan shutdown did not end within %g s; stopping without it", timeout)
            self._stopped.set_result(None)
        task.cancel()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as error:  # noqa: BLE001 - the border: sys.exit() must not end the loop
            self._app_ended(error)
        else:
            self._app_ended(None)

    def _app_ended(self, error: BaseException | None) -> None:
        if not self._started.done():
            self._never_started(error)
        elif self._stopped.done() or self._started.exception() is not None:
            pass  # it has said how it went
        elif self._asked_to_stop.done():
            self._stopped.set_result(None)
            if error is not None:
                _log.error("The app raised in its lifespan shutdown", exc_info=error)
        elif error is not None and not isinstance(error, asyncio.CancelledError):  # cancelled: the worker quits
            _log.error(
                "The app's lifespan task ended with an error; requests are served on, "
                "but the app will not be told of the shutdown",
                exc_info=error,
            )

    def _never_started(self, error: BaseException | None) -> None:
        what = "returned" if error is None else f"raised {type(error).__name__}: {error}"
        if self._mode == "on":
            failure = BootError(
                f"lifespan: the app {what} before it sent lifespan.startup.complete",
                hint="with --asgi-lifespan auto, an app that does not know the protocol is served without it",
            )
            failure.__cause__ = error
            self._started.set_exception(failure)
            return
        if error is not None and self._received:
            # It took the startup message, so it knows the protocol. The specification says to go on; a person
            # should know why half the app is missing.
            _log.warning("The app raised in its lifespan startup; it is served without lifespan", exc_info=error)
        else:
            _log.debug("The app does not know the lifespan protocol: it %s", what)
        self.state.clear()
        self._started.set_result(None)

    async def _receive(self) -> Message:
        self._received = number = self._received + 1
        if number == 1:
            return {"type": "lifespan.startup"}
        await asyncio.shield(self._asked_to_stop)
        if number == 2:
            return {"type": "lifespan.shutdown"}
        # Nothing comes after the shutdown: whoever asks on waits for its end, which is a cancellation.
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._expect(not self._started.done(), kind)
            self._started.set_result(None)
        elif kind == "lifespan.startup.failed":
            self._expect(not self._started.done(), kind)
            text = message.get("message", "").rstrip()
            self._started.set_exception(BootError(f"lifespan: the app failed to start: {text or 'it gave no reason'}"))
        elif kind == "lifespan.shutdown.complete":
            self._expect(self._asked_to_stop.done() and not self._stopped.done(), kind)
            self._stopped.set_result(None)
        elif kind == "lifespan.shutdown.failed":
            self._expect(self._asked_to_stop.done() and not self._stopped.done(), kind)
            self._stopped.set_result(None)
            _log.error("The app failed to shut down: %s", message.get("message", "").rstrip() or "it gave no reason")
        else:
            _refuse(f"{kind!r} is no lifespan message")

    def _expect(self, allowed: bool, kind: str) -> None:
        if not allowed:
            _refuse(f"{kind!r} is out of order: startup messages are sent once, shutdown messages after being asked")


def _refuse(text: str) -> NoReturn:
    raise InvalidMessage(f"lifespan: {text}")
