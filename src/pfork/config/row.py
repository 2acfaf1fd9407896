"""One setting is one row: a typed field of a group's dataclass, made by ``setting``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pfork.config.kinds import Kind

T = TypeVar("T")

Applies = Literal["reload", "restart"]
"""When a changed value takes effect: for the workers of the next reload, or only in a new arbiter."""


@dataclass(frozen=True, slots=True)
class Row:
    """All there is to know about a setting.

    ``flags`` are its spellings on the command line, ``aliases`` its other keys in TOML.
    ``standard`` is a variable that many platforms set and the way to make a value of its text; it takes the
    default's place. ``repeats``: the flag may be given several times.
    """

    kind: Kind[Any]
    default: Any
    help: str
    flags: tuple[str, ...]
    metavar: str
    unit: str
    applies: Applies
    check: Callable[[Any], None] | None
    aliases: tuple[str, ...]
    standard: tuple[str, Callable[[str], Any]] | None
    repeats: bool
    name: str = ""
    group: str = ""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"PFORK_{self.name.upper()}"

    def read(self, value: object) -> Any:
        """A file's value, checked. Raises Refusal."""
        return self.check_value(self.kind.read(value))

    def parse(self, text: str) -> Any:
        """The text of a flag or a variable, checked. Raises Refusal."""
        return self.check_value(self.kind.parse(text))

    def check_value(self, value: Any) -> Any:
        """The value itself. Raises Refusal."""
        if self.check is not None:
            self.check(value)
        return value


def setting(
    default: T,
    kind: Kind[T],
    *,
    help: str,
    applies: Applies = "reload",
    flags: tuple[str, ...] = (),
    metavar: str = "",
    unit: str = "",
    check: Callable[[T], None] | None = None,
    aliases: tuple[str, ...] = (),
    standard: tuple[str, Callable[[str], T]] | None = None,
    repeats: bool = False,
) -> T:
    """A dataclass field that carries its row. It claims the type of the value that an instance will hold."""
    row = Row(kind, default, help, flags, metavar, unit, applies, check, aliases, standard, repeats)
    made: Any = field(default=default, metadata={"row": row})
    return made  # type: ignore[no-any-return]  # dataclasses.field claims the same
