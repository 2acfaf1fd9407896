"""From a target to the app, or to an error that says what was found instead."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from pfork.base import AppImportError, AppTargetError
from pfork.workers import suggestions
from pfork.workers.failures import last_line, ran_app_code
from pfork.workers.target import Call, Target, parse_target

DEFAULT_NAMES = ("application", "app")
"""What a target without a colon stands for: the names of mod_wsgi and Gunicorn, and of Flask and FastAPI."""


def load_app(text: str, directories: Sequence[str]) -> Any:
    """Import the module of a target and get the app out of it.

    ``directories`` are those where the app's own modules are expected. They are named in messages and
    searched for names like a mistyped one; what is imported depends on ``sys.path`` alone.

    Raises:
        AppImportError: the module does not exist; or it, or the factory, raised (``__cause__`` is what).
        AppTargetError: the target cannot be read, or what it names is missing or not callable.
    """
    target = parse_target(text)
    found = _lookup(target, _import(target, directories))
    if target.call is not None:
        if not callable(found):
            raise _not_callable(target, found, "is")
        found = _make(target, found, target.call)
    if not callable(found):
        raise _not_callable(target, found, "returned" if target.call else "is")
    return found


def _import(target: Target, directories: Sequence[str]) -> ModuleType:
    name = target.module
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not ran_app_code(error):
            raise _no_module(target, error.name or name, directories) from None
        raise AppImportError(f"cannot import '{name}': {last_line(error)}") from error
    except SystemExit as error:
        raise AppImportError(f"'{name}' called sys.exit({_code(error)}) while it was imported") from error
    except BaseException as error:  # the border to the app: a module may raise anything
        raise AppImportError(f"cannot import '{name}': {last_line(error)}") from error


def _no_module(target: Target, missing: str, directories: Sequence[str]) -> AppImportError:
    parent, _, name = missing.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None and not hasattr(package, "__path__"):
        rest = target.module.removeprefix(f"{parent}.")
        return AppImportError(
            f"no module named '{missing}': '{parent}' is a module, not a package",
            hint=f"an attribute stands behind a colon: did you mean '{parent}:{rest}'?",
        )
    places = directories if package is None else list(package.__path__)
    names = suggestions.modules_in(places)
    near = suggestions.nearest(name, names)
    if near:
        meant = f"{parent}.{near}" if parent else near
        hint = f"did you mean '{meant}{target.text.removeprefix(missing)}'?"
    elif names:
        hint = f"modules found there: {suggestions.enumerate_some(names)}"
    else:
        hint = "no module was found there; --chdir and --pythonpath say where else to look"
    looked_in = ", ".join(places) + (" and Python's own path" if package is None else "")
    return AppImportError(f"no module named '{missing}'; looked in {looked_in}", hint=hint)


def _lookup(target: Target, module: ModuleType) -> Any:
    file = getattr(module, "__file__", None)
    what = f"module '{module.__name__}'" + (f" ({file})" if file else "")
    if not target.names:
        for name in DEFAULT_NAMES:
            if hasattr(module, name):
                return getattr(module, name)
        raise _missing(f"{what} has neither 'application' nor 'app'", module, "app", f"{target.module}:")
    found: Any = module
    path = f"{target.module}:"
    for name in target.names:
        try:
            inner = getattr(found, name)
        except AttributeError:
            raise _missing(f"{what} has no attribute '{name}'", found, name, path) from None
        found = inner
        what = f"'{path}{name}', {suggestions.with_article(found)},"
        path += f"{name}."
    return found


def _missing(message: str, holder: Any, name: str, path: str) -> AppTargetError:
    """``path`` is what stands before ``name`` in the target."""
    found = suggestions.callables_of(holder)
    near = suggestions.nearest(name, found)
    if near:
        hint = f"did you mean '{path}{near}'?"
    elif found:
        hint = f"name what is the app, for example '{path}{found[0]}'"
    else:
        hint = "name the module that defines the app"
    listed = suggestions.enumerate_some(found) if found else "none"
    return AppTargetError(f"{message}; callables found there: {listed}", hint=hint)


def _make(target: Target, factory: Any, call: Call) -> Any:
    """Call the factory."""
    try:
        app = factory(*call.args, **call.kwargs)
    except SystemExit as error:
        raise AppImportError(f"'{target.text}' called sys.exit({_code(error)})") from error
    except BaseException as error:  # the border to the app: a factory may raise anything
        if isinstance(error, TypeError) and not ran_app_code(error):
            raise AppTargetError(
                f"'{target.text}': {error}",
                hint=f"give literal arguments, for example {target.module}:{'.'.join(target.names)}('value')",
            ) from None
        raise AppImportError(f"'{target.text}' raised {last_line(error)}") from error
    if inspect.iscoroutine(app):
        app.close()
        raise AppTargetError(
            f"'{target.text}' returned a coroutine, not an app", hint="a factory is def, not async def"
        )
    return app


def _not_callable(target: Target, found: Any, verb: str) -> AppTargetError:
    if isinstance(found, ModuleType):
        hint = f"name the app in it, for example '{found.__name__}:app'"
    elif found is None and verb == "returned":
        hint = "the factory has to return the app"
    else:
        hint = "a WSGI app is called with (environ, start_response), an ASGI app with (scope, receive, send)"
    return AppTargetError(f"'{target.text}' {verb} {suggestions.with_article(found)}, not a callable", hint=hint)


def _code(error: SystemExit) -> str:
    return "" if error.code is None else repr(error.code)
