"""Which interface an app speaks, by how it can be called, and which kind serves it."""

import asyncio
import functools

import pytest

from pfork.base import AppTargetError, KindError
from pfork.workers.interface import detect, pick_kind


def wsgi(environ, start_response): ...


async def asgi(scope, receive, send): ...


class WsgiInstance:
    def __call__(self, environ, start_response): ...

    def method(self, environ, start_response): ...


class AsgiInstance:
    async def __call__(self, scope, receive, send): ...

    async def method(self, scope, receive, send): ...


class AsgiByDelegation:
    """Middleware that only hands on: it returns the coroutine, and is none itself."""

    def __call__(self, scope, receive, send):
        return asgi(scope, receive, send)


class WsgiClass:
    def __init__(self, environ, start_response): ...

    def __iter__(self): ...


class AsgiClass:
    def __init__(self, scope, receive, send): ...

    def __await__(self): ...


class Asgi2Class:
    def __init__(self, scope): ...

    async def __call__(self, receive, send): ...


def plain_decorator(app):
    """Without functools.wraps, for any interface."""

    def call(*args, **kwargs):
        return app(*args, **kwargs)

    return call


def honest_decorator(app):
    @functools.wraps(app)
    def call(*args, **kwargs):
        return app(*args, **kwargs)

    return call


class HonestInstance:
    """A decorator that makes an object."""

    def __init__(self, app):
        functools.update_wrapper(self, app)

    def __call__(self, *args):
        return self.__wrapped__(*args)


def takes_more(environ, start_response, extra=None): ...


def with_setting(setting, environ, start_response): ...


async def asgi_with_setting(setting, scope, receive, send): ...


async def async_of_two(environ, start_response): ...


def from_async(app):
    """What makes a WSGI app of a coroutine function: wraps() then tells of two arguments."""

    @functools.wraps(app)
    def call(environ, start_response):
        return asyncio.run(app(environ, start_response))

    return call


def flask():
    return pytest.importorskip("flask").Flask(__name__)


def starlette():
    return pytest.importorskip("starlette.applications").Starlette()


def fastapi():
    return pytest.importorskip("fastapi").FastAPI()


DETECTED = {
    "a function": (wsgi, "wsgi"),
    "a coroutine function": (asgi, "asgi"),
    "an instance": (WsgiInstance(), "wsgi"),
    "an instance with an async call": (AsgiInstance(), "asgi"),
    "a method": (WsgiInstance().method, "wsgi"),
    "an async method": (AsgiInstance().method, "asgi"),
    "middleware that hands on": (AsgiByDelegation(), "asgi"),
    "a lambda": (lambda environ, start_response: [], "wsgi"),
    "a lambda for ASGI": (asgi, "asgi"),
    "a partial": (functools.partial(with_setting, 1), "wsgi"),
    "an async partial": (functools.partial(asgi_with_setting, 1), "asgi"),
    "a decorated function": (honest_decorator(wsgi), "wsgi"),
    "a decorated coroutine function": (honest_decorator(asgi), "asgi"),
    "a decorated partial": (honest_decorator(functools.partial(asgi_with_setting, 1)), "asgi"),
    "a decorator that is an object": (HonestInstance(wsgi), "wsgi"),
    "an async app in a decorator that is an object": (HonestInstance(asgi), "asgi"),
    "twice decorated": (honest_decorator(honest_decorator(asgi)), "asgi"),
    "a decorator that says nothing": (plain_decorator(wsgi), "wsgi"),
    "a third argument that may be left out": (takes_more, "wsgi"),
    "an iterable class": (WsgiClass, "wsgi"),
    "an awaitable class": (AsgiClass, "asgi"),
    "a coroutine function made WSGI": (from_async(async_of_two), "wsgi"),
    "a C function": (max, "wsgi"),
}


@pytest.mark.parametrize("case", DETECTED)
def test_an_app_is_known_by_how_it_is_called(case):
    app, expected = DETECTED[case]
    assert detect(app, "m:app") == expected


@pytest.mark.parametrize(("make", "expected"), [(flask, "wsgi"), (starlette, "asgi"), (fastapi, "asgi")])
def test_apps_of_frameworks_are_known(make, expected):
    assert detect(make(), "m:app") == expected


@pytest.mark.parametrize("expected", ["wsgi", "asgi"])
def test_djangos_handlers_are_known(expected):
    handlers = pytest.importorskip(f"django.core.handlers.{expected}")
    handler = getattr(handlers, f"{expected.upper()}Handler")
    assert detect(handler.__new__(handler), "m:application") == expected  # its __init__ wants settings


def needs_nothing(): ...


def may_take_one(config=None): ...


def needs_one(config): ...


def needs_four(a, b, c, d): ...


def asgi2(scope): ...


CALL_IT = "it is called as neither a WSGI nor an ASGI app"
SHAPES = "a WSGI app takes (environ, start_response), an ASGI app (scope, receive, send)"
ASGI_2 = (
    "'m:x' is an ASGI 2 app: it takes the scope alone and gives another callable\n"
    "  make it ASGI 3, async def app(scope, receive, send), or wrap it in "
    "asgiref.compatibility.guarantee_single_callable"
)

NEITHER = {
    needs_nothing: f"'m:x' takes (): {CALL_IT}, but may make one\n  if it is a factory, call it: 'm:x()'",
    may_take_one: f"'m:x' takes (config=None): {CALL_IT}, but may make one\n  if it is a factory, call it: 'm:x()'",
    needs_one: f"'m:x', a function, takes (config): {CALL_IT}\n"
    f"  if it is a factory, call it with literal arguments: 'm:x(\"value\")'; {SHAPES}",
    needs_four: f"'m:x', a function, takes (a, b, c, d): {CALL_IT}\n"
    f"  if it is a factory, call it with literal arguments: 'm:x(\"value\")'; {SHAPES}",
    async_of_two: "'m:x' is a coroutine function of (environ, start_response)\n"
    "  an ASGI app takes (scope, receive, send); a WSGI app is no coroutine function",
    asgi2: ASGI_2,
    Asgi2Class: ASGI_2,
    WsgiInstance: "'m:x' is a class, not an app\n  make the instance: 'm:x()'",
    AsgiInstance: "'m:x' is a class, not an app\n  make the instance: 'm:x()'",
}


@pytest.mark.parametrize("app", NEITHER, ids=lambda app: app.__name__)
def test_what_is_neither_is_told_with_a_remedy(app):
    with pytest.raises(AppTargetError) as caught:
        detect(app, "m:x")
    assert caught.value.render() == NEITHER[app]


KINDS = {
    ("auto", 1, "wsgi"): "sync",
    ("auto", 4, "wsgi"): "thread",
    ("auto", 1, "asgi"): "async",
    ("auto", 4, "asgi"): "async",
    ("sync", 1, "wsgi"): "sync",
    ("sync", 4, "wsgi"): "thread",
    ("thread", 1, "wsgi"): "thread",
    ("thread", 4, "wsgi"): "thread",
    ("async", 1, "asgi"): "async",
    ("async", 4, "asgi"): "async",
}

MISFITS = {
    ("async", "wsgi"): "'m:app' is a WSGI app; a worker of class async cannot serve it\n"
    "  use -k sync or -k thread, or leave the choice to pfork: no -k",
    ("sync", "asgi"): "'m:app' is an ASGI app; a worker of class sync cannot serve it\n"
    "  use -k async, or leave the choice to pfork: no -k",
    ("thread", "asgi"): "'m:app' is an ASGI app; a worker of class thread cannot serve it\n"
    "  use -k async, or leave the choice to pfork: no -k",
}


@pytest.mark.parametrize(("chosen", "expected"), KINDS.items())
def test_the_kind_follows_from_settings_and_interface(chosen, expected):
    assert pick_kind(*chosen, "m:app") == expected


@pytest.mark.parametrize(("chosen", "text"), MISFITS.items())
def test_a_kind_that_does_not_fit_is_refused_and_those_that_do_are_named(chosen, text):
    worker_class, interface = chosen
    with pytest.raises(KindError) as caught:
        pick_kind(worker_class, 1, interface, "m:app")
    assert caught.value.render() == text
