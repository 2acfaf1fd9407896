"""Command line options, made from the rows of the settings table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from pfork.config import ABSENT, GROUPS, ROWS, Absent, Flag, Row, rows_of

_LONGEST_DEFAULT = 32
"""Characters. A longer default (the access log format) is in the sample file, not in the help."""

_HELP_COLUMN = 28
"""Characters of an option's spelling; a longer one has its help below it."""


def row_options() -> list[click.Option]:
    """One option for each row that has flags. Their texts are checked by ``load``, all together."""
    return [
        click.Option([row.name, *row.flags], metavar=row.metavar, multiple=row.repeats, type=str, help=_help(row))
        for row in ROWS.values()
        if row.flags
    ]


def absent_options() -> list[click.Option]:
    """Hidden options for Gunicorn's flags that pfork does not have, so that each gets its own answer."""
    return [_absent_option(absent) for absent in ABSENT.values() if absent.flags]


def _absent_option(absent: Absent) -> click.Option:
    declarations = [absent.name, *absent.flags]
    if absent.takes == "nothing":
        return click.Option(declarations, is_flag=True, hidden=True)
    if absent.takes == "perhaps a value":
        return click.Option(declarations, is_flag=False, flag_value="auto", hidden=True)
    return click.Option(declarations, hidden=True)


def flags_given(parameters: Mapping[str, Any], app: Sequence[str], argv: Sequence[str]) -> tuple[Flag, ...]:
    """What was given, out of click's parameters: ``app`` are the words that are no flags, of which the first
    counts."""
    flags = [Flag("wsgi_app", app[0], "")] if app else []
    spellings = {row.name: row.flags for row in ROWS.values()} | {
        name: absent.flags for name, absent in ABSENT.items() if absent.flags
    }
    for name, spelled in spellings.items():
        value = parameters.get(name)
        if value not in (None, False, ()):  # click's words for a flag that was not given
            flags.append(Flag(name, value if isinstance(value, tuple) else str(value), _used(spelled, argv)))
    return tuple(flags)


def _used(spelled: Sequence[str], argv: Sequence[str]) -> str:
    """The spelling that was used, for messages; the long one if it cannot be told."""
    for word in argv:
        for flag in spelled:
            is_short = not flag.startswith("--")
            if word == flag or word.startswith(f"{flag}=") or (is_short and word.startswith(flag)):
                return flag
    return spelled[-1]


def write_help(formatter: click.HelpFormatter, context: click.Context, others: Iterable[click.Option]) -> None:
    """The options under the titles of their groups, then ``others``."""
    records = {
        option.name: record
        for option in context.command.get_params(context)
        if (record := option.get_help_record(context)) is not None
    }
    sections = [(title, [row.name for row in rows_of(group)]) for group, title in GROUPS.items()]
    sections.append(("Command", [option.name or "" for option in others]))
    for title, names in sections:
        shown = [records[name] for name in names if name in records]
        shown[0] = (shown[0][0].ljust(_HELP_COLUMN), shown[0][1])  # the same column in all sections
        with formatter.section(title):
            formatter.write_dl(shown, col_max=_HELP_COLUMN)


def visible_flags(command: click.Command) -> list[str]:
    """The spellings that the help shows."""
    return [
        flag
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
        for flag in option.opts
    ]


def _help(row: Row) -> str:
    if row.default is None or row.default in ("", ()):
        return row.help
    default = str(row.default[0]) if row.repeats else row.kind.show(row.default).strip('"')
    if len(default) > _LONGEST_DEFAULT:
        return row.help
    unit = f" {row.unit}" if row.unit in {"s", "bytes"} else ""
    return f"{row.help} [{default}{unit}]"
