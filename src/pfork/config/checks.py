"""The rules a setting's value has to keep. A check raises Refusal; whoever reads the source says where."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable

from pfork.config.kinds import Refusal


def at_least(least: float, most: float | None = None) -> Callable[[float], None]:
    """From ``least`` to ``most``, both included."""

    def check(value: float) -> None:
        if value < least:
            raise Refusal(f"must be at least {least}")
        if most is not None and value > most:
            raise Refusal(f"must be at most {most}")

    return check


def positive(value: float) -> None:
    """More than nothing: a deadline that cannot be turned off."""
    if value <= 0:
        raise Refusal("must be greater than 0")


def assignments(values: tuple[str, ...]) -> None:
    """Each is NAME=VALUE."""
    for value in values:
        name, equals, _ = value.partition("=")
        if not name or not equals:
            raise Refusal(f"{value}: must be NAME=VALUE")


def app_target(value: str | None) -> None:
    """A module, not a file."""
    path = (value or "").partition(":")[0]
    if path.endswith(".py") or "/" in path:
        directory, _, name = path.removesuffix(".py").rpartition("/")
        place = f" with --chdir {directory or '/'}" if "/" in path else ""
        raise Refusal(f"must be a module, not a file; did you mean {name or 'app'}:app{place}?")


def rooted(value: str) -> None:
    """Empty, or a path that begins with a slash."""
    if value and not value.startswith("/"):
        raise Refusal('must begin with "/", like "/api"')


def user_exists(name: str | None) -> None:
    """A user by name; an id needs no entry in the user database."""
    if name is not None and not name.isdecimal():
        try:
            pwd.getpwnam(name)
        except KeyError:
            raise Refusal("must be a user of this machine, or a numeric id") from None


def group_exists(name: str | None) -> None:
    """A group by name; an id needs no entry in the group database."""
    if name is not None and not name.isdecimal():
        try:
            grp.getgrnam(name)
        except KeyError:
            raise Refusal("must be a group of this machine, or a numeric id") from None
