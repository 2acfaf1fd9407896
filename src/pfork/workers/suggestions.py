"""What was found instead of what a target names, for its error message."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

_MOST = 8
"""Names that a message lists; more would hide the rest of it."""


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that was probably meant, if there is one."""
    import difflib  # needed only when a person has to be helped

    by_folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    if name.casefold() in by_folded:
        return by_folded[name.casefold()]
    near = difflib.get_close_matches(name.casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def enumerate_some(names: Sequence[str]) -> str:
    """``a, b and 3 more``."""
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def modules_in(directories: Iterable[str]) -> list[str]:
    """The modules and packages that can be imported from directories, by name."""
    names: set[str] = set()
    for directory in directories:
        for entry in _list(directory):
            stem, suffix = os.path.splitext(entry)
            if not stem.isidentifier() or stem == "__init__":
                continue
            in_it = _list(os.path.join(directory, entry)) if not suffix else ()
            if suffix == ".py" or any(name.endswith(".py") for name in in_it):
                names.add(stem)
    return sorted(names)


def _list(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:  # not there, not to be read, or not a directory
        return []


def callables_of(holder: Any) -> list[str]:
    """The public callables that a module defines, or that an object has. What a module only imported is left
    out."""
    found = []
    for name in sorted(vars(holder)) if hasattr(holder, "__dict__") else ():
        value = vars(holder)[name]
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        imported = (
            isinstance(holder, ModuleType)
            and (inspect.isclass(value) or inspect.isroutine(value))
            and getattr(value, "__module__", None) != holder.__name__
        )
        if not name.startswith("_") and callable(value) and not imported:
            found.append(name)
    return found


def with_article(value: Any) -> str:
    """``a dict``, ``an int``: what a value is, for a sentence."""
    if value is None:
        return "None"
    if isinstance(value, ModuleType):
        return "a module"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
