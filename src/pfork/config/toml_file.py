"""Settings from TOML: ``pfork.toml``, or the ``[tool.pfork]`` table of ``pyproject.toml``."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from pfork.config.gunicorn import ABSENT, HOOKS
from pfork.config.notation import toml_value
from pfork.config.row import Row
from pfork.config.sources import Findings, Origin, shown
from pfork.config.suggest import suggest
from pfork.config.table import GROUPS, ROWS

_ALIASES: dict[str, Row] = {alias: row for row in ROWS.values() for alias in row.aliases}

_FLAGS: dict[str, str] = {
    flag.lstrip("-").replace("-", "_"): row.name for row in ROWS.values() for flag in row.flags if flag.startswith("--")
}
"""Keys that people try because the flag is called so, like log_level and name."""


class BrokenToml(ValueError):
    """No TOML. ``str()`` has the place and the parser's words."""


def parse(data: bytes, label: str) -> dict[str, Any]:
    """The tables of a TOML document.

    Raises:
        BrokenToml: it is none.
    """
    import tomllib  # an arbiter without a TOML file stays without its parser

    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BrokenToml(f"{label}:{line}: must be UTF-8; byte 0x{data[error.start]:02x} is not") from None
    except tomllib.TOMLDecodeError as error:
        raise BrokenToml(_place(str(error), data, label)) from None


def _place(words: str, data: bytes, label: str) -> str:
    # tomllib puts the place behind its words: "... (at line 3, column 5)" or "... (at end of document)".
    if found := re.search(r" \(at line (\d+), column (\d+)\)$", words):
        return f"{label}:{found[1]}:{found[2]}: {words[: found.start()]}"
    lines = data.decode().splitlines() or [""]
    words = words.removesuffix(" (at end of document)")
    return f"{label}:{len(lines)}:{len(lines[-1]) + 1}: {words}, and the file ends"


def take(table: dict[str, Any], text: str, section: str, label: str, findings: Findings) -> None:
    """Take the settings of a table, which stands in ``text`` under ``[section]`` ("" for the top)."""
    lines = key_lines(text, section)
    for key, value in table.items():
        place = f"{label}:{lines[key]}" if key in lines else label
        row = ROWS.get(key) or _ALIASES.get(key)
        if row is None:
            findings.problems.append(_unknown(key, value, section, place))
        elif key in row.aliases and row.name in table:
            findings.problems.append(f"{place}: {key}: is {row.name} by another name; leave one of them out")
        else:
            written = f"{place}: {key} = {shown(toml_value(value))}"
            findings.take(row, partial(row.read, value), Origin("file", place), written)


def _unknown(key: str, value: object, section: str, place: str) -> str:
    if isinstance(value, dict):
        where = f"below [{section}]" if section else "at the top of the file"
        if key in GROUPS or key in {"tool", "pfork"} or ROWS.keys() & value.keys():
            return f"{place}: [{key}]: settings have no sections; write them {where}, like workers = 4"
        return f"{place}: [{key}]: unknown setting{suggest(key, ROWS)}"
    if key in ABSENT or key in HOOKS:
        return f"{place}: {key}: unknown setting; Gunicorn has it, pfork does not have it yet"
    if key.replace("-", "_") in _FLAGS:
        return f"{place}: {key}: unknown setting; did you mean {_FLAGS[key.replace('-', '_')]}?"
    return f"{place}: {key}: unknown setting{suggest(key, [*ROWS, *_ALIASES])}"


_TOKEN = re.compile(
    r"""(?P<multi>\"{3}.*?\"{3,5}|'{3}.*?'{3,5})|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*""",
    re.DOTALL,
)
_LINE = re.compile(r"""\s*(?:\[{1,2}\s*(?P<table>[^\[\]]+?)\s*\]|(?P<key>"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.])""")


def key_lines(text: str, section: str) -> dict[str, int]:
    """The line of each key (and, at the top, of each table) of a section.

    tomllib tells no lines. This reads only as much TOML as it takes to find them: comments and texts of
    several lines are blanked out, the rest goes by lines. A key it misses (in an inline table) has no line.
    """

    def blank(token: re.Match[str]) -> str:
        return "\n" * token[0].count("\n") if token["multi"] or token[0].startswith("#") else token[0]

    lines: dict[str, int] = {}
    current = ""
    for number, line in enumerate(_TOKEN.sub(blank, text).split("\n"), start=1):
        found = _LINE.match(line)
        if found is None:
            continue
        if found["table"]:
            current = re.sub(r"[\s\"']", "", found["table"])
            if not section:
                lines.setdefault(current.partition(".")[0], number)
            elif current.startswith(f"{section}."):
                lines.setdefault(current.removeprefix(f"{section}.").partition(".")[0], number)
        elif current == section:
            lines.setdefault(found["key"].strip("\"'"), number)
    return lines
