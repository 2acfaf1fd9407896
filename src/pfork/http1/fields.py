"""Header lines that were met before, and what a gateway makes of them. This is the only module that names httptools.

Clients repeat themselves: of the lines of a head nearly all came in some earlier head, byte for byte. So a line is
parsed and checked once, by httptools, and what the gateway makes of it is kept; from then on it costs one look into a
dictionary, a fifth of what httptools' callbacks cost. Equal bytes have equal meanings, so nothing is taken on trust:
what depends on other lines of the same head (two lengths, a length and chunks) is judged in framing.py for each head.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, Generic, TypeVar

from pfork.http1.framing import FRAMING

F = TypeVar("F")

_MAX_LINES: Final = 1024
"""Lines remembered for one gateway. When it is full it starts anew: whoever makes up lines makes himself slower, and
what is common is known again after one more head."""

_MAX_LINE: Final = 256
"""Bytes. Longer lines are mostly cookies and tokens, which one client sends alone; they would fill the memory."""

# httptools is given this line in the place of the client's. So any method is possible, and which ones are taken for an
# upgrade or a tunnel, or what a target may hold, does not depend on httptools' version.
_GIVEN_LINE: Final = b"GET / HTTP/1.1\r\n"
_END: Final = b"\r\n\r\n"


class FieldError(ValueError):
    """A header line is malformed. It does not say well which rule was broken: walk through the head to find out."""


class FieldCache(Generic[F]):
    """The memory of one gateway, shared by all its readers.

    Attributes:
        known: what the gateway makes of a line.
        framing: of those lines that concern http1 itself, the name in lower case and the value.
    """

    __slots__ = ("_make", "framing", "known")

    def __init__(self, make: Callable[[bytes, bytes], F]) -> None:
        """``make`` is given the name as sent and the value of a header. Nobody may change its result: every request
        with that line gets the same.

        Raises:
            ImportError: httptools is not there, or too old to be trusted.
        """
        _require_strictness()
        self._make = make
        self.known: dict[bytes, F] = {}
        self.framing: dict[bytes, tuple[bytes, bytes]] = {}

    def read(self, lines: list[bytes]) -> tuple[list[F], tuple[tuple[bytes, bytes], ...]]:
        """All fields of a head in their order, and those of them that concern http1.

        Raises:
            FieldError: a line is malformed.
        """
        known, framing = self.known, self.framing
        try:
            fields = list(map(known.__getitem__, lines))
        except KeyError:
            return self._learn(lines)
        return fields, tuple(filter(None, map(framing.get, lines)))

    def _learn(self, lines: list[bytes]) -> tuple[list[F], tuple[tuple[bytes, bytes], ...]]:
        """As ``read``, where some of the lines are new."""
        known, framing = self.known, self.framing
        new = [line for line in dict.fromkeys(lines) if line not in known]
        made: dict[bytes, F] = {}
        specials: dict[bytes, tuple[bytes, bytes]] = {}
        for line, (name, value) in zip(new, _parse(new), strict=True):
            made[line] = self._make(name, value)
            lower = name.lower()
            if lower in FRAMING:
                specials[line] = (lower, value)
        fields = [made[line] if line in made else known[line] for line in lines]
        found = [specials.get(line) or framing.get(line) for line in lines]
        if len(known) + len(made) > _MAX_LINES:
            known.clear()
            framing.clear()
        for line in new[:_MAX_LINES]:
            if len(line) <= _MAX_LINE:
                known[line] = made[line]
                if line in specials:
                    framing[line] = specials[line]
        return fields, tuple(filter(None, found))


class _Collector:
    """What httptools finds."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def _parse(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The name and the value of each header line, as sent. Raises FieldError."""
    # Imported here: this module is loaded before the workers are forked, to be shared by them, in a process that needs
    # no parser and must stay small.
    from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

    collector = _Collector()
    # White space behind a value is not part of it (RFC 9112 5.1), but httptools leaves it there. A line of nothing else
    # is left alone: as an empty line it would end the head early.
    block = b"\r\n".join([line.rstrip(b" \t") or line for line in lines])
    try:
        # A new parser each time: nothing of one head can reach the next, and it takes 0.15 us.
        HttpRequestParser(collector).feed_data(_GIVEN_LINE + block + _END)
    except HttpParserUpgrade:
        pass  # httptools lets go of the connection here; it has seen all that it was to see
    except HttpParserError as error:
        raise FieldError(str(error)) from error
    if len(collector.headers) != len(lines):
        raise FieldError("a line is not one header")
    return collector.headers


@cache
def _require_strictness() -> None:
    """httptools is trusted to refuse these lines: asking again for each would cost more than it does.

    Raises:
        ImportError: this httptools takes one of them; releases before 0.6.3 do.
    """
    for line in (
        b"A: b\r\n c",
        b"A:\r\n c",
        b" A: b",
        b"A : b",
        b": b",
        b"A: b\nC: d",
        b"A: b\rC: d",
        b"A: \0",
    ):
        try:
            _parse([line])
        except FieldError:
            continue
        raise ImportError(f"httptools takes the malformed header {line!r}: install httptools 0.6.3 or later")
