"""The settings as text that is TOML too: what ``--print-config`` prints, and the sample file."""

from __future__ import annotations

from pfork.config.load import Loaded
from pfork.config.notation import toml_value
from pfork.config.row import Row
from pfork.config.table import GROUPS, ROWS, rows_of, value_of

_SAMPLE_HEAD = """\
# Every setting of pfork with its default. Copy what you change to a pfork.toml where pfork starts, or to a
# table [tool.pfork] of pyproject.toml; a Python file (pfork.conf.py, gunicorn.conf.py) has the same names.
# Stronger than the file are environment variables (PFORK_WORKERS=4), and stronger still flags (--workers 4).
"""

_WIDEST_COMMENTED = 44
"""Characters. A longer assignment does not move the column of origins to the right."""


def describe(loaded: Loaded) -> str:
    """Every setting with its value and, as a comment, the origin of the value."""
    written = {name: _assignment(row, value_of(loaded.settings, row)) for name, row in ROWS.items()}
    width = max(len(text) for text in written.values() if len(text) <= _WIDEST_COMMENTED)
    blocks = []
    for group, title in GROUPS.items():
        lines = [f"{written[row.name]:<{width}}  # {loaded.origins[row.name]}" for row in rows_of(group)]
        blocks.append("\n".join([f"# {title}", *lines]))
    return "\n\n".join(blocks)


def sample_toml() -> str:
    """The sample file ``conf/pfork.toml``: every setting, commented out, with its default and its help."""
    blocks = [_SAMPLE_HEAD]
    for group, title in GROUPS.items():
        blocks.append(f"\n# {title}\n")
        blocks.extend(f"\n# {_note(row)}\n#{_assignment(row, row.default)}\n" for row in rows_of(group))
    return "".join(blocks)


def _note(row: Row) -> str:
    details = []
    if row.unit and row.unit not in row.help.lower().split():
        details.append("seconds" if row.unit == "s" else row.unit)
    if row.standard is not None:
        details.append(f"${row.standard[0]} counts where nothing is set")
    if row.applies == "restart":
        details.append("a change needs a restart")
    return f"{row.help} ({'; '.join(details)})" if details else row.help


def _assignment(row: Row, value: object) -> str:
    # TOML has no none. Where there may be none, an empty text is read as that.
    return f"{row.name} = {toml_value('') if value is None else row.kind.show(value)}"
