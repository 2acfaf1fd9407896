"""Settings from a Python file with Gunicorn's names: it is run, and its variables are the settings."""

from __future__ import annotations

import ast
import os
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pfork.config.gunicorn import note_absent
from pfork.config.notation import toml_value
from pfork.config.sources import Findings, Origin, shown
from pfork.config.suggest import suggest
from pfork.config.table import ROWS

NEAR = 0.8
"""difflib's ratio from which on a name is a slip of a setting's: log_level is one, max_workers is not."""


def take(path: str, label: str, directory: str, findings: Findings, name: str = "__config__") -> None:
    """Run the file at ``path`` and take its settings. ``label`` names it in messages."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        tree = ast.parse(data, path)
        code = compile(tree, path, "exec", dont_inherit=True)
    except OSError as error:
        findings.problems.append(f"{label}: {error.strerror}")
        return
    except (SyntaxError, ValueError) as error:
        findings.problems.append(_describe(error, path, label))
        return
    module = types.ModuleType(name)
    module.__file__ = path
    module.__package__ = name.rpartition(".")[0]
    try:
        with user_imports(directory):
            sys.modules[name] = module
            exec(code, module.__dict__)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a border: the file is somebody else's code
        findings.problems.append(_describe(error, path, label))
        return
    _take_names(vars(module), _assigned_lines(tree), label, findings)


def take_module(name: str, directory: str, findings: Findings) -> None:
    """Take the settings of an importable module (``-c python:NAME``)."""
    from importlib.util import find_spec  # only this spelling needs it

    label = f"python:{name}"
    try:
        with user_imports(directory):
            spec = find_spec(name)
    except ModuleNotFoundError as error:
        findings.problems.append(f"-c {label}: no module named {error.name}")
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a border: a parent package may run anything
        findings.problems.append(f"-c {label}: {_words(error)}")
        return
    if spec is None:
        findings.problems.append(f"-c {label}: no module named {name}")
    elif spec.origin is None or not spec.origin.endswith(".py"):
        findings.problems.append(f"-c {label}: must be a module with Python source, not a package")
    else:
        shown_path = spec.origin.removeprefix(os.path.join(directory, ""))
        take(spec.origin, shown_path, directory, findings, name)


@contextmanager
def user_imports(directory: str) -> Iterator[None]:
    """Let imports begin in ``directory``, and forget afterwards what was imported that is not installed.

    A module of the user's project must not stay: workers are forked from this process, and would find the
    old one there after a reload. What is installed stays; imported twice, multiprocessing and others break.
    """
    before = set(sys.modules)
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        if directory in sys.path:  # the file may have changed it
            sys.path.remove(directory)
        for name in set(sys.modules) - before:
            if not _is_installed(sys.modules[name]):
                del sys.modules[name]


_STANDARD_LIBRARY = os.path.dirname(os.__file__)


def _is_installed(module: types.ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return getattr(module, "__path__", None) is None  # built in; else a package without __init__
    return file.startswith(_STANDARD_LIBRARY) or "site-packages" in file or "dist-packages" in file


def _take_names(names: dict[str, Any], lines: dict[str, int], label: str, findings: Findings) -> None:
    for name, value in names.items():
        if name.startswith("_"):
            continue
        place = f"{label}:{lines[name]}" if name in lines else label
        row = ROWS.get(name)
        if row is not None:
            written = f"{place}: {name} = {shown(_notation(value))}"
            # Numbers may be texts here, as for Gunicorn: workers = os.environ.get("WORKERS", "4")
            read = partial(row.parse if isinstance(value, str) else row.read, value)
            findings.take(row, read, Origin("file", place), written)
        elif not note_absent(name, value, place, findings) and not callable(value):
            _note_slip(name, value, place, findings)


def _notation(value: object) -> str:
    return toml_value(value) if isinstance(value, str) else repr(value)


def _note_slip(name: str, value: object, place: str, findings: Findings) -> None:
    near = "" if isinstance(value, types.ModuleType) else suggest(name, ROWS, cutoff=NEAR)
    if near:
        findings.warnings.append(f"{place}: {name}: not a setting{near}")


def _describe(error: BaseException, path: str, label: str) -> str:
    """Where in the file an exception comes from, and its words."""
    if isinstance(error, SyntaxError) and error.filename == path:
        column = f":{error.offset}" if error.offset else ""
        return f"{label}:{error.lineno or 1}{column}: {type(error).__name__}: {error.msg}"
    line, where = 0, ""
    trace = error.__traceback__
    while trace is not None:
        file, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        if file == path:
            line, where = number, ""
        elif line and not file.startswith("<"):
            where = f" (in {file}:{number})"
        trace = trace.tb_next
    place = f"{label}:{line}" if line else label
    if isinstance(error, SystemExit):
        return f"{place}: must not end the process; it called sys.exit({error.code!r}){where}"
    return f"{place}: {_words(error)}{where}"


def _words(error: BaseException) -> str:
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


def _assigned_lines(tree: ast.Module) -> dict[str, int]:
    """The line of each variable's last assignment outside of functions and classes."""
    lines: dict[str, int] = {}
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            lines[node.name] = max(node.lineno, lines.get(node.name, 0))
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            lines[node.id] = max(node.lineno, lines.get(node.id, 0))
        elif isinstance(node, ast.alias):
            name = node.asname or node.name
            lines[name] = max(node.lineno, lines.get(name, 0))
        waiting.extend(ast.iter_child_nodes(node))
    return lines
