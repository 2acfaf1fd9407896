"""Loading settings in a directory of a test's own."""

from __future__ import annotations

from pfork.base import ConfigError
from pfork.config import Flag, Loaded, Sources, load


def load_in(directory, *, files=None, environ=None, flags=(), config=None) -> Loaded:
    """Load with files (name -> text) in ``directory``, variables, and flags: (name, text, spelling) each."""
    for name, text in (files or {}).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    given = tuple(Flag(*flag) for flag in flags)
    return load(Sources(str(directory), environ or {}, given, config))


def problems_in(directory, **sources) -> list[str]:
    """The lines of the ConfigError that such a load raises; none if it raises none."""
    try:
        load_in(directory, **sources)
    except ConfigError as error:
        return str(error).replace(str(directory), "DIR").splitlines()
    return []
