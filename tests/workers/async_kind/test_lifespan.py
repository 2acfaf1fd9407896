"""An async worker and the startup of its app."""

import asyncio

import pytest

from pfork.control import BootFailed, Drain, Quit, WorkerReady

from .apps import answer

FAILURES = {
    "says that it failed": ("auto", {"type": "lifespan.startup.failed", "message": "no database today"}, "no database"),
    "raises where lifespan is on": ("on", None, "RuntimeError"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_startup_that_fails_is_a_failed_boot(run, case):
    mode, message, text = FAILURES[case]

    async def app(scope, receive, send):
        await receive()
        if message is None:
            raise RuntimeError("no database today")
        await send(message)

    one = run(app, settings={"asgi_lifespan": mode}, wait=False)
    report = one.report()
    assert isinstance(report, BootFailed)
    assert report.exit_code == 3
    assert text in report.text
    assert one.wait() == 3


def test_a_worker_is_ready_when_the_startup_is_complete(run, gate):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await gate.pass_through()
            scope["state"]["word"] = "hello"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        await answer(send, scope["state"]["word"].encode())

    one = run(app, wait=False)
    gate.wait()
    with one.connect() as early:
        early.get("/")
        one.channel.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.channel.recv(1)
        one.channel.settimeout(30)
        gate.let_go()
        assert isinstance(one.report(), WorkerReady)
        assert early.answer().body == b"hello"


@pytest.mark.parametrize("order", [Quit(), Drain(0)])
def test_a_worker_that_is_still_starting_can_be_dismissed(run, gate, order):
    async def app(scope, receive, send):
        await receive()
        gate.say(b"s")
        await asyncio.get_running_loop().create_future()

    one = run(app, wait=False)
    assert gate.hear() == b"s"
    one.order(order)
    assert one.wait() == 0


def test_lifespan_off_leaves_the_app_alone(run):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await answer(send, b"ok")

    one = run(app, settings={"asgi_lifespan": "off"})
    with one.connect() as client:
        assert client.get("/").answer().body == b"ok"
