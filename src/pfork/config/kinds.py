"""The kinds of value a setting can have: how each is read from a file, parsed from text, and written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pfork.config.addresses import Address, AddressError, parse_address
from pfork.config.notation import toml_value
from pfork.config.suggest import suggest

T = TypeVar("T")
S = TypeVar("S", bound=str)

MAX_SECONDS = 1_000_000_000
"""About 31 years: still far inside a 64-bit count of nanoseconds, which holds 292."""


class Refusal(ValueError):
    """A value breaks a rule. ``str()`` is rule and remedy, as words that follow the value: "must be ..."."""


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value.

    ``read`` takes a value of a TOML or Python file, or what ``plain`` gave; ``parse`` takes the text of a
    flag or of a variable. Both raise Refusal. ``plain`` gives a JSON-able value, ``show`` TOML's notation.
    """

    read: Callable[[object], T]
    parse: Callable[[str], T]
    plain: Callable[[T], object] = _same
    show: Callable[[T], str] = toml_value


# Numbers. A bool is an int to Python, but not to a person.


def _read_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("must be a whole number, like 4")
    return value


def _parse_int(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise Refusal("must be a whole number, like 4") from None


integer: Kind[int] = Kind(_read_int, _parse_int)


_NO_SECONDS = "must be a number of seconds, like 30 or 0.5"


def _read_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refusal(_NO_SECONDS)
    if value > MAX_SECONDS:
        raise Refusal(f"must be at most {MAX_SECONDS} seconds")
    return float(value)


def _parse_seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Refusal(_NO_SECONDS) from None
    return _read_seconds(number)


seconds: Kind[float] = Kind(_read_seconds, _parse_seconds, show=lambda value: f"{value:.15g}")


def _read_mask(value: object) -> int:
    if isinstance(value, str):
        return _parse_mask(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777:
        raise Refusal("must be a file mode mask from 0 to 0o777, like 0o022")
    return value


def _parse_mask(text: str) -> int:
    # Gunicorn reads "22" as decimal, people mean octal: whoever writes it is asked to say which.
    digits = text.lower().removeprefix("0o")
    if len(text) > 1 and not text.startswith("0"):
        raise Refusal("must be octal and begin with 0, like 022 or 0o022")
    try:
        return _read_mask(int(digits, 8))
    except ValueError:
        raise Refusal("must be a file mode mask from 0 to 0o777, like 0o022") from None


mask: Kind[int] = Kind(_read_mask, _parse_mask, show=lambda value: f"0o{value:03o}")


# Text. An empty text where there may be none is none.


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise Refusal('must be a text, like "name"')
    if "\0" in value:
        raise Refusal("must not hold a NUL")
    return value.strip()


def _read_optional_text(value: object) -> str | None:
    return None if value is None else _read_text(value) or None


def _read_account(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if not isinstance(value, str) and value is not None:
        raise Refusal("must be a name or an id, like www-data or 33")
    return _read_optional_text(value)


text: Kind[str] = Kind(_read_text, _read_text)
optional_text: Kind[str | None] = Kind(_read_optional_text, _read_optional_text)


def _read_prefix(value: object) -> str:
    # With the slash a path would have two where the parts meet.
    return _read_text(value).rstrip("/")


url_prefix: Kind[str] = Kind(_read_prefix, _read_prefix)
account: Kind[str | None] = Kind(_read_account, _read_account)


def choice(*names: S, aliases: dict[str, S] | None = None, refusals: dict[str, str] | None = None) -> Kind[S]:
    """One of some names, in upper or lower case.

    ``aliases`` are other spellings; ``refusals`` are words that get an explanation of their own.
    """
    known: dict[str, S] = {name: name for name in names} | (aliases or {})
    lowered = {name.lower(): name for name in known}

    def read(value: object) -> S:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in lowered:
            return known[lowered[word]]
        if refusals and word in refusals:
            raise Refusal(refusals[word])
        raise Refusal(f"must be one of {', '.join(names)}{suggest(word, lowered)}")

    return Kind(read, read)


# Lists. A single text is split at its commas, as Gunicorn does; the texts of a list are not.


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, (list, tuple)) or not all(isinstance(part, str) for part in value):
        raise Refusal('must be a text or a list of texts, like ["one", "two"]')
    return tuple(_read_text(part) for part in value)


def _addresses(value: object) -> tuple[Address, ...]:
    found: list[Address] = []
    parts = _texts(value)
    for part in parts:
        try:
            address = parse_address(part)
        except AddressError as error:
            raise Refusal(f"{part}: {error}" if len(parts) > 1 else str(error)) from None
        if address in found:
            raise Refusal(f"{address}: must be listed once")
        found.append(address)
    if not found:
        raise Refusal('must name at least one address, like ["127.0.0.1:8000"]')
    return tuple(found)


def _address_texts(value: tuple[Address, ...]) -> list[str]:
    return [str(address) for address in value]


texts: Kind[tuple[str, ...]] = Kind(_texts, _texts, plain=list)
addresses: Kind[tuple[Address, ...]] = Kind(
    _addresses, _addresses, plain=_address_texts, show=lambda value: toml_value(_address_texts(value))
)
