"""Where settings come from, and what was found there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pfork.config.kinds import Refusal
from pfork.config.row import Row

MAX_SHOWN = 80
"""Characters of a value in a message: enough to recognise it."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of the command line: the setting, its text (all of them where it repeats), the spelling used.

    The app's target, which has no flag, has "" there.
    """

    name: str
    text: str | tuple[str, ...]
    flag: str


@dataclass(frozen=True, slots=True)
class Sources:
    """All that settings depend on, besides the file itself.

    ``directory``: where pfork was started; relative file names begin there. ``config``: what ``-c`` named.
    A reload loads again from the same sources.
    """

    directory: str
    environ: Mapping[str, str]
    flags: tuple[Flag, ...] = ()
    config: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from; ``place`` is a file and line, a variable or a flag."""

    source: Literal["default", "file", "environment", "flag"]
    place: str = ""

    def __str__(self) -> str:
        return self.place or self.source


DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Given:
    """A sound value from one source. ``written`` is how it stands there, to begin a message with."""

    row: Row
    value: Any
    origin: Origin
    written: str


@dataclass(slots=True)
class Findings:
    """What reading the sources brings to light, in their order: a later value overrides an earlier one."""

    given: list[Given] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def take(self, row: Row, read: Callable[[], Any], origin: Origin, written: str) -> None:
        """Keep the value that ``read`` gives, or the problem it has."""
        try:
            self.given.append(Given(row, read(), origin, written))
        except Refusal as refusal:
            self.problems.append(f"{written}: {refusal}")


def shown(text: str) -> str:
    """A value's text, on one line and not too long."""
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
