"""Which interface an app speaks, and which worker kind serves it.

The test is how it can be called: WSGI is ``app(environ, start_response)``, PEP 3333; ASGI is ``await
app(scope, receive, send)``, ASGI 3.0. Two arguments or three; where both fit (``*args``), a coroutine
function is ASGI. Markers of frameworks play no part, so what wraps an app is judged by itself.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Literal

from pfork.base import AppTargetError, KindError
from pfork.workers.suggestions import with_article

Interface = Literal["wsgi", "asgi"]
Kind = Literal["sync", "thread", "async"]

_SERVED_BY: dict[Interface, tuple[Kind, ...]] = {"wsgi": ("sync", "thread"), "asgi": ("async",)}


def detect(app: Any, target: str) -> Interface:
    """The interface of a callable; ``target`` names it in messages.

    Raises:
        AppTargetError: it can be called in neither way: a factory that was not called, a class, an ASGI 2
        app.
    """
    if inspect.isclass(app):
        return _detect_class(app, target)
    try:
        own = inspect.signature(app, follow_wrapped=False)
        told = inspect.signature(app)
    except (TypeError, ValueError):  # a C function: WSGI, since ASGI apps are coroutine functions
        return "wsgi"
    takes_two, takes_three = _takes(own, 2), _takes(own, 3)
    if takes_two and takes_three:  # as decorators do with *args: what is behind them tells
        takes_two, takes_three = _takes(told, 2), _takes(told, 3)
        is_asgi = takes_three and (not takes_two or _is_coroutine_function(app))
    else:
        is_asgi = takes_three
    if is_asgi:
        return "asgi"
    if takes_two and not inspect.iscoroutinefunction(app):
        return "wsgi"
    raise _neither(app, told, target)


def pick_kind(worker_class: str, threads: int, interface: Interface, target: str) -> Kind:
    """The worker kind for an app, from the settings ``worker_class`` ("auto" or a kind) and ``threads``.

    sync with several threads means thread, as with Gunicorn.

    Raises:
        KindError: the chosen kind does not serve this interface. The message names those that do.
    """
    if interface == "asgi":
        kind: Kind = "async"
    else:
        kind = "thread" if threads > 1 or worker_class == "thread" else "sync"
    fitting = _SERVED_BY[interface]
    if worker_class not in ("auto", *fitting):
        raise KindError(
            f"'{target}' is {'an ASGI' if interface == 'asgi' else 'a WSGI'} app; "
            f"a worker of class {worker_class} cannot serve it",
            hint=f"use {' or '.join(f'-k {fit}' for fit in fitting)}, or leave the choice to pfork: no -k",
        )
    return kind


def _detect_class(app: type, target: str) -> Interface:
    """A class is an app if making an instance is the call: PEP 3333 allows an iterable class; for ASGI 3 the
    instance is awaited. Else somebody forgot to make the instance, or it is an ASGI 2 app."""
    try:
        signature = inspect.signature(app)
    except ValueError:  # a class written in C
        return "wsgi"
    if hasattr(app, "__await__") and _takes(signature, 3):
        return "asgi"
    if hasattr(app, "__iter__") and _takes(signature, 2):
        return "wsgi"
    call = app.__dict__.get("__call__")
    if call is not None and _is_coroutine_function(call) and _takes(inspect.signature(call), 3):  # self, receive, send
        raise _asgi2(target)
    raise AppTargetError(f"'{target}' is a class, not an app", hint=f"make the instance: '{target}()'")


def _neither(app: Any, signature: inspect.Signature, target: str) -> AppTargetError:
    if _is_coroutine_function(app):
        return AppTargetError(
            f"'{target}' is a coroutine function of {signature}",
            hint="an ASGI app takes (scope, receive, send); a WSGI app is no coroutine function",
        )
    first = next(iter(signature.parameters), "")
    if first == "scope" and _takes(signature, 1):
        return _asgi2(target)
    if _takes(signature, 0):
        return AppTargetError(
            f"'{target}' takes {signature}: it is called as neither a WSGI nor an ASGI app, but may make one",
            hint=f"if it is a factory, call it: '{target}()'",
        )
    return AppTargetError(
        f"'{target}', {with_article(app)}, takes {signature}: it is called as neither a WSGI nor an ASGI app",
        hint=f"if it is a factory, call it with literal arguments: '{target}(\"value\")'; "
        "a WSGI app takes (environ, start_response), an ASGI app (scope, receive, send)",
    )


def _asgi2(target: str) -> AppTargetError:
    return AppTargetError(
        f"'{target}' is an ASGI 2 app: it takes the scope alone and gives another callable",
        hint="make it ASGI 3, async def app(scope, receive, send), or wrap it in "
        "asgiref.compatibility.guarantee_single_callable",
    )


def _takes(signature: inspect.Signature, count: int) -> bool:
    """Whether a call with this many positional arguments fits."""
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _is_coroutine_function(app: Any) -> bool:
    """Whether calling it gives a coroutine; looks through partials, decorators that left ``__wrapped__``,
    instances."""
    for _ in range(100):  # a chain of wrappers may be a ring
        if inspect.iscoroutinefunction(app):
            return True
        if isinstance(app, functools.partial):
            app = app.func
        elif hasattr(app, "__wrapped__"):
            app = app.__wrapped__
        elif inspect.isroutine(app) or inspect.isclass(app):
            return False
        else:  # an instance: what its class says about a call
            app = type(app).__call__
    return False
