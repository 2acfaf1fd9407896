"""Startup and shutdown of the app: ASGI Lifespan."""

import asyncio
import contextvars

import pytest

from pfork.asgi import Lifespan
from pfork.base import BootError

COLOUR = contextvars.ContextVar("colour", default="none")


class App:
    """A well-behaved app; keeps what happened."""

    def __init__(self, **answers):
        self.events = []
        self.scope = None
        self._answers = {"startup": {"type": "lifespan.startup.complete"}, "shutdown": None, **answers}

    async def __call__(self, scope, receive, send):
        self.scope = scope
        self.events.append((await receive())["type"])
        scope["state"]["pool"] = "open"
        COLOUR.set("green")
        await send(self._answers["startup"])
        self.events.append((await receive())["type"])
        await send(self._answers["shutdown"] or {"type": "lifespan.shutdown.complete"})
        self.events.append("cleaned up")


def live(app, mode="auto", timeout=30.0):
    """Start up and shut down; the lifespan afterwards."""

    async def run():
        lifespan = Lifespan(app, mode=mode)
        await lifespan.startup()
        await lifespan.shutdown(timeout)
        await asyncio.sleep(0)
        return lifespan

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_an_app_is_started_and_shut_down(log, mode):
    app = App()
    lifespan = live(app, mode)
    assert app.events == ["lifespan.startup", "lifespan.shutdown", "cleaned up"]
    assert app.scope["type"] == "lifespan"
    assert app.scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}
    assert lifespan.state == {"pool": "open"}
    assert log.problems == []


def test_a_context_variable_set_at_startup_is_in_the_context_of_requests():
    lifespan = live(App())
    assert lifespan.context.copy().run(COLOUR.get) == "green"
    assert COLOUR.get() == "none"


def test_off_does_not_call_the_app():
    async def app(scope, receive, send):
        raise AssertionError("called")

    assert live(app, "off").state == {}


async def does_not_know(scope, receive, send):
    scope["state"]["half"] = "done"
    raise ValueError("only http here")


async def returns_at_once(scope, receive, send):
    return


async def sends_nonsense(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})


async def asserts(scope, receive, send):
    assert scope["type"] == "http"


UNKNOWING = [does_not_know, returns_at_once, sends_nonsense, asserts, lambda scope: None]


@pytest.mark.parametrize("app", UNKNOWING)
def test_auto_goes_on_with_an_app_that_does_not_know_the_protocol(log, app):
    assert live(app).state == {}
    assert log.problems == []
    assert any("does not know the lifespan protocol" in text for text in log.of("DEBUG"))


@pytest.mark.parametrize("app", UNKNOWING)
def test_on_fails_with_an_app_that_does_not_know_the_protocol(app):
    with pytest.raises(BootError, match=r"before it sent lifespan\.startup\.complete") as caught:
        live(app, "on")
    assert "--asgi-lifespan auto" in caught.value.hint


def test_on_keeps_the_apps_error_as_the_cause():
    with pytest.raises(BootError) as caught:
        live(does_not_know, "on")
    assert isinstance(caught.value.__cause__, ValueError)


async def fails_in_startup(scope, receive, send):
    await receive()
    raise RuntimeError("no database")


def test_auto_says_why_an_app_that_took_the_startup_has_no_lifespan(log):
    live(fails_in_startup)
    assert "no database" in log.problems[0]
    assert "served without lifespan" in log.problems[0]


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize(("answer", "text"), [({"message": "no database\n"}, "no database"), ({}, "it gave no reason")])
def test_an_app_that_says_that_it_failed_has_failed(log, mode, answer, text):
    app = App(startup={"type": "lifespan.startup.failed", **answer})
    with pytest.raises(BootError, match=text):
        live(app, mode)
    assert log.problems == []


def test_an_app_that_says_that_it_failed_and_raises_has_failed_once(log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback: no database"})
        raise RuntimeError("no database")

    with pytest.raises(BootError, match="Traceback: no database"):
        live(app)
    assert log.problems == []


def test_a_failed_shutdown_is_logged(log):
    live(App(shutdown={"type": "lifespan.shutdown.failed", "message": "the database did not close"}))
    assert log.problems == ["The app failed to shut down: the database did not close"]


def test_an_error_in_the_shutdown_is_logged(log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise RuntimeError("the pool is empty")

    live(app)
    assert len(log.problems) == 1
    assert "the pool is empty" in log.problems[0]


def test_a_shutdown_that_does_not_end_is_given_up(log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.get_running_loop().create_future()

    live(app, timeout=0.01)
    assert log.problems == ["The app's lifespan shutdown did not end within 0.01 s; stopping without it"]


def test_an_app_that_ends_early_is_not_told_of_the_shutdown(log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})

    live(app)
    assert log.problems == []


def test_a_lifespan_that_breaks_while_serving_is_logged(log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await asyncio.sleep(0)
        raise RuntimeError("the watcher died")

    async def run():
        lifespan = Lifespan(app, mode="auto")
        await lifespan.startup()
        await asyncio.wait([lifespan._task])
        await lifespan.shutdown(1)

    asyncio.run(run())
    assert len(log.problems) == 1
    assert "the watcher died" in log.problems[0]
    assert "requests are served on" in log.problems[0]


OUT_OF_ORDER = {
    "startup twice": ["lifespan.startup.complete", "lifespan.startup.complete"],
    "failure after success": ["lifespan.startup.complete", "lifespan.startup.failed"],
    "shutdown unasked": ["lifespan.startup.complete", "lifespan.shutdown.complete"],
    "nonsense": ["lifespan.startup.complete", "lifespan.pause"],
}


@pytest.mark.parametrize("case", OUT_OF_ORDER)
def test_a_message_out_of_order_raises_in_the_app(log, case):
    raised = []

    async def app(scope, receive, send):
        await receive()
        for kind in OUT_OF_ORDER[case]:
            try:
                await send({"type": kind})
            except RuntimeError as error:
                raised.append(str(error))
        await receive()

    live(app)
    assert len(raised) == 1
    assert OUT_OF_ORDER[case][-1] in raised[0]


def test_sys_exit_in_the_startup_does_not_end_the_loop():
    async def app(scope, receive, send):
        raise SystemExit(3)

    with pytest.raises(BootError, match="SystemExit"):
        live(app, "on")
