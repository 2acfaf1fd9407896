"""The access-log format: Gunicorn's atoms, compiled once into a function.

No client can forge a line or a field: in what clients and apps choose, everything but printable ASCII is
written as ``\\xHH``, and so are ``"`` and ``\\`` (nginx's escaping).
"""

from __future__ import annotations

import binascii
import os
import re
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from pfork.base import ConfigError


class Exchange(Protocol):
    """What one request and its response can be asked for. Values are as they came, unescaped."""

    @property
    def remote_addr(self) -> str | None: ...

    @property
    def method(self) -> str: ...

    @property
    def target(self) -> str:
        """The raw request target, query and all."""

    @property
    def path(self) -> str:
        """The path without the query."""

    @property
    def query(self) -> str:
        """What follows the "?"; "" if nothing does."""

    @property
    def protocol(self) -> str:
        """As in the request line: HTTP/1.1."""

    @property
    def status(self) -> str:
        """Three digits."""

    @property
    def bytes_sent(self) -> int:
        """Bytes of the response's body."""

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from the complete head to the end of the response."""

    def request_header(self, name: str) -> str | None:
        """The value of a request header, named in lower case."""

    def response_header(self, name: str) -> str | None:
        """The value of a response header, named in lower case."""

    def variable(self, name: str) -> str | None:
        """A variable of the environ or scope, as text."""


Value = str | int
_Get = Callable[[Exchange], Value]


class _Atom(NamedTuple):
    get: _Get
    help: str


_NS_PER_US, _NS_PER_MS, _NS_PER_S = 1_000, 1_000_000, 1_000_000_000

_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def escape(value: str) -> str:
    """The value with everything unsafe as ``\\xHH``: Latin-1 bytes, as headers are, or else UTF-8."""
    return value if _UNSAFE.search(value) is None else _UNSAFE.sub(_hex, value)


def _hex(match: re.Match[str]) -> str:
    char = match.group()
    data = char.encode("latin-1") if char <= "\xff" else char.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02X}" for byte in data)


_known: dict[str, str] = {}
_KNOWN, _KNOWN_LENGTH = 256, 512


def _escape_header(value: str | None) -> str:
    """``escape`` for values that come again and again. The look-up costs a fifth of the search.

    Bounded in number and length, so that clients cannot make it grow.
    """
    if value is None:
        return "-"
    safe = _known.get(value)
    if safe is None:
        safe = escape(value)
        if len(value) <= _KNOWN_LENGTH:
            if len(_known) >= _KNOWN:
                _known.clear()
            _known[value] = safe
    return safe


def _request_line(exchange: Exchange) -> str:
    return f"{escape(exchange.method)} {escape(exchange.target)} {exchange.protocol}"


def _seconds(exchange: Exchange) -> str:
    ns = exchange.duration_ns
    return f"{ns // _NS_PER_S}.{ns // _NS_PER_US % 1_000_000:06d}"


def _user(exchange: Exchange) -> str:
    """The user of basic authentication (RFC 7617)."""
    scheme, _, code = (exchange.request_header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return "-"
    try:
        user, colon, _ = binascii.a2b_base64(code.encode("latin-1")).decode("utf-8").partition(":")
    except ValueError:
        return "-"
    return escape(user) if user and colon else "-"


class _Clock:
    """The time of a line, as the common log format has it. Made once per second."""

    def __init__(self) -> None:
        self._last = (-1, "")

    def __call__(self, exchange: Exchange) -> str:
        second = int(time.time())
        known, text = self._last  # one tuple: another thread may be making the next
        if second != known:
            text = _timestamp(second)
            self._last = (second, text)
        return text


def _timestamp(second: int) -> str:
    """``[24/Nov/2026:11:20:44 +0000]``, in local time; month names do not follow the locale."""
    local = time.localtime(second)
    return time.strftime(f"[%d/{_MONTHS[local.tm_mon - 1]}/%Y:%H:%M:%S %z]", local)


_ATOMS: dict[str, _Atom] = {
    "h": _Atom(lambda x: _escape_header(x.remote_addr), "client address"),
    "l": _Atom(lambda x: "-", "always -"),
    "u": _Atom(_user, "user of basic authentication"),
    "t": _Atom(_Clock(), "date and time"),
    "r": _Atom(_request_line, "request line"),
    "m": _Atom(lambda x: escape(x.method), "method"),
    "U": _Atom(lambda x: escape(x.path), "path"),
    "q": _Atom(lambda x: escape(x.query), "query string"),
    "H": _Atom(lambda x: x.protocol, "protocol"),
    "s": _Atom(lambda x: x.status, "status"),
    "B": _Atom(lambda x: x.bytes_sent, "bytes of the body"),
    "b": _Atom(lambda x: x.bytes_sent or "-", "bytes of the body, - for none"),
    "f": _Atom(lambda x: _escape_header(x.request_header("referer")), "referer"),
    "a": _Atom(lambda x: _escape_header(x.request_header("user-agent")), "user agent"),
    "T": _Atom(lambda x: x.duration_ns // _NS_PER_S, "duration in whole seconds"),
    "M": _Atom(lambda x: x.duration_ns // _NS_PER_MS, "duration in milliseconds"),
    "D": _Atom(lambda x: x.duration_ns // _NS_PER_US, "duration in microseconds"),
    "L": _Atom(_seconds, "duration in seconds, with six digits"),
    "p": _Atom(lambda x: f"<{os.getpid()}>", "process ID"),
}

_NUMBERS = frozenset("BTMD")

# %% or %(name)s, with flags, width and precision as Python's % has them; and any other %, which is an error.
_PIECE = re.compile(r"%(?:%|\((?P<name>[^()]*)\)(?P<flags>[-+ #0]*\d*(?:\.\d+)?)(?P<kind>[a-zA-Z])|)")
_NAMED = re.compile(r"\{(?P<key>[^{}]+)\}(?P<kind>[ioe])")


def compile_format(text: str) -> Callable[[Exchange], str]:
    """A function that makes the line, without its end, of an exchange.

    Raises:
        ConfigError: with a line for each piece of the format that is no atom.
    """
    template: list[str] = []
    gets: list[_Get] = []
    faults: list[str] = []
    end = 0
    for piece in _PIECE.finditer(text):
        template.append(text[end : piece.start()])
        end = piece.end()
        if piece.group() == "%%":
            template.append("%%")
            continue
        get, fault = _atom(piece)
        if get is None:
            faults.append(f"access_log_format: character {piece.start() + 1}: {fault}")
            continue
        gets.append(get)
        template.append(f"%{piece['flags']}{piece['kind']}")
    template.append(text[end:])
    if faults:
        raise ConfigError("\n".join(faults), hint=_list_of_atoms())
    form = "".join(template)

    def line(exchange: Exchange) -> str:
        return form % tuple([get(exchange) for get in gets])

    return line


def _atom(piece: re.Match[str]) -> tuple[_Get | None, str]:
    """What a piece stands for, or what is wrong with it."""
    name, kind = piece["name"], piece["kind"]
    if name is None:
        return None, "a % must begin an atom, like %(h)s; write %% for the character itself"
    get = _ATOMS[name].get if name in _ATOMS else _named(name)
    if get is None:
        return None, f"{piece.group()} is not an atom"
    if kind == "s" or (kind == "d" and name in _NUMBERS):
        return get, ""
    return None, f"{piece.group()} must end in s" + (" or d" if name in _NUMBERS else "")


def _named(name: str) -> _Get | None:
    """``{user-agent}i``, ``{server}o``, ``{wsgi.url_scheme}e``: a header or a variable."""
    match = _NAMED.fullmatch(name)
    if match is None:
        return None
    key, kind = match["key"], match["kind"]
    header = key.lower()
    match kind:
        case "i":
            return lambda x: _escape_header(x.request_header(header))
        case "o":
            return lambda x: _escape_header(x.response_header(header))
    return lambda x: _escape_header(x.variable(key))


def _list_of_atoms() -> str:
    atoms = ", ".join(f"%({name})s {atom.help}" for name, atom in _ATOMS.items())
    named = "%({header}i)s of the request, %({header}o)s of the response, %({name}e)s of the environ"
    return f"The atoms are {atoms}, {named}."
