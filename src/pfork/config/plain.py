"""Settings as plain data, for their way from one process to another; and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pfork.base import ConfigError
from pfork.config.kinds import Refusal
from pfork.config.row import Applies
from pfork.config.schema import Settings
from pfork.config.table import ROWS, assemble, value_of


def to_plain(settings: Settings) -> dict[str, object]:
    """Setting name to a value that json can write."""
    return {name: row.kind.plain(value_of(settings, row)) for name, row in ROWS.items()}


def from_plain(plain: Mapping[str, object]) -> Settings:
    """The settings that ``to_plain`` was given. A name that is missing has its default.

    Raises:
        ConfigError: this is not what ``to_plain`` gives.
    """
    if unknown := plain.keys() - ROWS.keys():
        raise ConfigError(f"{min(unknown)}: unknown setting")
    values = {}
    for name, value in plain.items():
        try:
            values[name] = ROWS[name].kind.read(value)
        except Refusal as refusal:
            raise ConfigError(f"{name} = {value!r}: {refusal}") from None
    return assemble(values)


@dataclass(frozen=True, slots=True)
class Change:
    """A setting whose value differs. ``str()`` is for the log: ``workers: 2 -> 4``."""

    name: str
    old: object
    new: object
    applies: Applies

    def __str__(self) -> str:
        kind = ROWS[self.name].kind
        old, new = ("none" if value is None else kind.show(value) for value in (self.old, self.new))
        return f"{self.name}: {old} -> {new}"


def changes(old: Settings, new: Settings) -> tuple[Change, ...]:
    """What differs, in the order of the table."""
    return tuple(
        Change(name, before, after, row.applies)
        for name, row in ROWS.items()
        if (before := value_of(old, row)) != (after := value_of(new, row))
    )
