"""Values as TOML writes them: for messages, ``--print-config`` and the sample file."""

from __future__ import annotations

import json


def toml_value(value: object) -> str:
    """A value in TOML notation. What TOML has none for (None, an object of a Python file) in Python's."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _toml_text(value)
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{key} = {toml_value(item)}' for key, item in value.items())}}}"
        case _:
            return repr(value)


def _toml_text(value: str) -> str:
    # A literal text reads better than escaped quotes; JSON's escapes are a part of TOML's. What cannot be
    # printed is escaped: a path that is no UTF-8, say, could not be written to a terminal.
    if '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=not value.isprintable())
