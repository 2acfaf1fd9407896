"""The async worker: an ASGI app on uvloop, or on asyncio where uvloop is missing. The only place that names uvloop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from pfork.asgi import AsgiGateway, Lifespan
from pfork.control import Drain, Quit
from pfork.workers.async_server import AsyncServer, seconds_until
from pfork.workers.ear import Ear
from pfork.workers.shift import Shift

log = logging.getLogger("pfork.error")

_CUT_SHARE: Final = 0.8
"""The part of the time for a drain that requests get. Those that go on for ever (a stream of events, say) are
cut then, so that the app's shutdown still has its turn before the arbiter ends the process."""

_SHUTDOWN_SHARE: Final = 0.9
"""The part of what is then left for the app's shutdown: when that hangs, the log should say so before the end."""

_CLEAN_UP_S: Final = 0.5
"""How long cancelled tasks of the app may take to end. The process ends anyway."""


def serve(shift: Shift) -> None:
    """Serve until drained.

    On the order Quit, returns at once, without the app's lifespan shutdown (as with Gunicorn's quick stop).

    Raises:
        BootError: the app's lifespan did not start.
    """
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_log_loop_error)
    try:
        loop.run_until_complete(_serve(shift))
        loop.run_until_complete(_clean_up())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(shift: Shift) -> None:
    assignment = shift.assignment
    loop = asyncio.get_running_loop()
    hearing = _Hearing(loop, shift.ear)
    hearing.start()
    lifespan = Lifespan(shift.application, mode=assignment.app.asgi_lifespan)
    if not await _unless(hearing.order, lifespan.startup()):
        return
    gateway = AsgiGateway(
        shift.application,
        http=assignment.http,
        access_log=shift.access_log,
        root_path=assignment.app.root_path,
        state=lifespan.state,
        extensions={"pfork.worker": shift.info},
    )
    server = AsyncServer(shift, gateway, loop, lifespan.context)
    server.open()
    shift.ready()
    order = await hearing.order
    if isinstance(order, Drain) and await _unless(hearing.quit, _drain(server, order)):
        time_left = seconds_until(order.deadline_ns)
        await _unless(hearing.quit, lifespan.shutdown(time_left * _SHUTDOWN_SHARE))
    server.cut()


async def _drain(server: AsyncServer, order: Drain) -> None:
    """Return when all is answered, or the time for that is over."""
    server.drain(empty_backlog=order.empty_backlog)
    done, _ = await asyncio.wait((server.drained,), timeout=seconds_until(order.deadline_ns) * _CUT_SHARE)
    if done:
        return
    for line in server.cut():
        log.warning("Cut at the end of the graceful timeout: %s", line)
    await server.drained


class _Hearing:
    """The worker's ear on the event loop: orders as futures.

    Attributes:
        order: the first order.
        quit: done with the order Quit, and when the time of an orphan is over.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ear: Ear) -> None:
        self.order: asyncio.Future[Drain | Quit] = loop.create_future()
        self.quit: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._ear = ear
        self._watched: set[int] = set()

    def start(self) -> None:
        """Listen from now on."""
        self._watch()

    def _watch(self) -> None:
        wanted = set(self._ear.filenos())
        for fd in self._watched - wanted:
            self._loop.remove_reader(fd)
        for fd in wanted - self._watched:
            self._loop.add_reader(fd, self._listen)
        self._watched = wanted

    def _listen(self) -> None:
        heard = self._ear.listen()
        self._watch()
        if heard is None:
            return
        if not self.order.done():
            self.order.set_result(heard)
        if isinstance(heard, Quit):
            self._quit()
        elif self._ear.is_orphaned:  # nobody else holds this worker to its deadline
            self._loop.call_later(seconds_until(heard.deadline_ns), self._quit)

    def _quit(self) -> None:
        if not self.quit.done():
            self.quit.set_result(None)


async def _unless(stop: asyncio.Future[Any], doing: Coroutine[Any, Any, None]) -> bool:
    """Do something, unless and until ``stop`` is done. Whether it was finished; its exceptions are raised."""
    task = asyncio.ensure_future(doing)
    await asyncio.wait((stop, task), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
        return True
    task.cancel()
    return False


async def _clean_up() -> None:
    """Give the app's tasks a chance to end in order."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CLEAN_UP_S)
    await asyncio.wait((loop.create_task(loop.shutdown_asyncgens()),), timeout=_CLEAN_UP_S)


def _log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody awaited, or what broke in a callback: the app's, mostly."""
    error = context.get("exception")
    details = ", ".join(f"{key}: {value!r}" for key, value in context.items() if key not in ("message", "exception"))
    message = str(context["message"])
    log.error("Event loop: %s%s", message, f" ({details})" if details else "", exc_info=error)
