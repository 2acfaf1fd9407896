"""The rows, collected from the groups' fields: what every source, the help and the samples are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pfork.config.row import Row
from pfork.config.schema import Settings

_GROUPS: tuple[Any, ...] = fields(Settings)  # each has a default, a group, which mypy cannot know

GROUPS: dict[str, str] = {group.name: group.metadata["title"] for group in _GROUPS}
"""Group name to the title its settings stand under, in order."""

ROWS: dict[str, Row] = {
    field.name: replace(field.metadata["row"], name=field.name, group=group.name)
    for group in _GROUPS
    for field in fields(group.default)
}
"""Setting name to row, in the order of the table."""


def assemble(values: Mapping[str, Any]) -> Settings:
    """Settings from a value for each name; a name that is missing has its default."""
    groups = {}
    for group in _GROUPS:
        members = {field.name: values[field.name] for field in fields(group.default) if field.name in values}
        groups[group.name] = type(group.default)(**members)
    return Settings(**groups)


def value_of(settings: Settings, row: Row) -> Any:
    """A row's value."""
    return getattr(getattr(settings, row.group), row.name)


def rows_of(group: str) -> list[Row]:
    """The rows of a group, in order."""
    return [row for row in ROWS.values() if row.group == group]
