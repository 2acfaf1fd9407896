"""The head of a request: its first line, and the careful walk through all of its lines.

The walk is plain Python and goes line by line. It is used where speed does not matter: while a head is
incomplete (to refuse it before its end has come), and to name the rule that a complete head broke.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pfork.http1.errors import ProtocolError
from pfork.http1.framing import FRAMING
from pfork.http1.grammar import NOT_IN_TARGET, NOT_IN_VALUE, is_host, is_method, is_token

if TYPE_CHECKING:
    from pfork.config import HttpSettings

_METHODS: Final = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
}
_VERSIONS: Final = {b"HTTP/1.1": True, b"HTTP/1.0": False}
_is_version: Final = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
_absolute_form: Final = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?]+)(.*)", re.DOTALL).fullmatch

_CR: Final = 0x0D


def parse_request_line(line: bytes) -> tuple[str, bytes, bool]:
    """Method, target and "is it HTTP/1.1" of a request line, without its CRLF (RFC 9112 3).

    Raises:
        ProtocolError: 400 malformed, 501 for CONNECT, 505 not HTTP/1.0 or 1.1.
    """
    parts = line.split(b" ")
    if len(parts) != 3:
        raise ProtocolError(400, "the request line is not method, space, target, space, version")
    name, target, version = parts
    http11 = _VERSIONS.get(version)
    if http11 is None:
        if _is_version(version):
            raise ProtocolError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        raise ProtocolError(400, "the request line does not end with an HTTP version")
    method = _METHODS.get(name)
    if method is None:
        if not is_method(name):
            raise ProtocolError(400, "the method is not of 3 to 20 upper-case token characters")
        method = name.decode("ascii")
    if target.translate(None, NOT_IN_TARGET) != target:
        raise ProtocolError(400, "a control character or '#' in the request target")
    if target[:1] != b"/":
        _check_special_target(method, target)
    return method, target, http11


def _check_special_target(method: str, target: bytes) -> None:
    """Targets that do not begin with a slash (RFC 9112 3.2.2 to 3.2.4)."""
    if method == "CONNECT":
        raise ProtocolError(501, "CONNECT is for proxies")
    if target == b"*":
        if method != "OPTIONS":
            raise ProtocolError(400, "the target * is for OPTIONS only")
    elif target_authority(target) is None:
        raise ProtocolError(400, "the request target is neither a path nor an http URL with a valid host")


def target_authority(target: bytes) -> bytes | None:
    """The host and port of an absolute-form target; None for any other form, or when they are malformed.

    Userinfo is malformed: RFC 9110 4.2.4 wants it refused, since it serves to hide what the host is.
    """
    match = _absolute_form(target)
    if match is None:
        return None
    authority: bytes = match[1]
    return authority if is_host(authority) and not authority.startswith(b":") else None


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """The path and the query of a target, as sent (percent-encoded).

    Of an absolute-form target those of the URL, with ``/`` for an empty path; ``*`` stays ``*``.
    """
    if target[:1] != b"/":
        match = _absolute_form(target)
        if match is not None:
            target = match[2]
            if target[:1] != b"/":
                target = b"/" + target
    path, _, query = target.partition(b"?")
    return path, query


def parse_field(line: bytes) -> tuple[bytes, bytes]:
    """The lower-case name and the value of a header or trailer line, without its CRLF.

    Raises:
        ProtocolError: 400 (RFC 9112 5.1 and 5.2, RFC 9110 5.5 and 5.6.2).
    """
    if line[:1] in (b" ", b"\t"):
        raise ProtocolError(400, "a header line begins with white space (obsolete folding)")
    name, colon, value = line.partition(b":")
    if not colon:
        raise ProtocolError(400, "a header line without a colon")
    if name[-1:] in (b" ", b"\t"):
        raise ProtocolError(400, "white space before the colon of a header")
    if not is_token(name):
        raise ProtocolError(400, "a header name is empty or has a forbidden character")
    if value.translate(None, NOT_IN_VALUE) != value:
        raise ProtocolError(400, "a control character in a header value")
    return name.lower(), value.strip(b" \t")


class HeadWalk:
    """Goes through a head line by line, as far as it has come, and raises at the first broken rule.

    The cost is linear in the bytes, however small the pieces are in which they come.

    Attributes:
        method, target: of the request line, empty before it is complete.
        framing: the headers seen whose names are in ``FRAMING``.
    """

    __slots__ = ("_limits", "_line", "_line_start", "_scanned", "framing", "method", "target")

    def __init__(self, limits: HttpSettings) -> None:
        self._limits = limits
        self._line = -1  # the line that comes next: 0 the request line; -1 it, or an empty line before it
        self._line_start = 0
        self._scanned = 0
        self.method = ""
        self.target = b""
        self.framing: list[tuple[bytes, bytes]] = []

    def advance(self, head: bytes | bytearray) -> int:
        """Check what has come: ``head`` begins as at the last call, and has grown.

        Returns:
            Where the head ends (behind its empty line), or -1 when it is not complete.

        Raises:
            ProtocolError: 400, 414, 431, 501 or 505.
        """
        while (line_feed := head.find(b"\n", self._scanned)) >= 0:
            self._check_beginning(head, line_feed)
            if line_feed == self._line_start or head[line_feed - 1] != _CR:
                raise ProtocolError(400, "a line ends with a bare LF")
            line = bytes(head[self._line_start : line_feed - 1])
            self._line_start = self._scanned = line_feed + 1
            if self._line > 0 and not line:
                return self._line_start
            self._take_line(line)
        self._scanned = len(head)
        self._check_beginning(head, len(head))
        return -1

    def _check_beginning(self, head: bytes | bytearray, end: int) -> None:
        """What can be said of the current line, up to ``end``, before its line end has come.

        It is said first of a whole line too: what a head is refused for must not depend on how it was cut.
        """
        size = end - self._line_start
        if size and head[end - 1] == _CR:  # perhaps of the line end
            size -= 1
        if not size:
            return
        if self._line > 0:
            _check_size(self._limits.limit_request_fields, self._line, _MANY_FIELDS)
            _check_size(self._limits.limit_request_field_size, size, _LONG_FIELD)
            return
        if head[self._line_start] < 0x20 and head[self._line_start] != _CR:
            # So begins a TLS client. There may be no LF in its hello: it would wait for the deadline.
            raise ProtocolError(400, "not HTTP (perhaps TLS, sent to a plain port)")
        _check_size(self._limits.limit_request_line, size, _LONG_LINE)

    def _take_line(self, line: bytes) -> None:
        if self._line < 0:
            self._line = 0
            if not line:  # RFC 9112 2.2: at least one empty line before the request line is to be ignored
                return
        if self._line == 0:
            self.method, self.target, _ = parse_request_line(line)
        else:
            name, value = parse_field(line)
            if name in FRAMING:
                self.framing.append((name, value))
        self._line += 1


_LONG_LINE: Final = (414, "the request line is longer than limit_request_line")
_LONG_FIELD: Final = (431, "a header is longer than limit_request_field_size")
_MANY_FIELDS: Final = (431, "more headers than limit_request_fields")


def _check_size(limit: int, size: int, error: tuple[int, str]) -> None:
    if 0 < limit < size:
        raise ProtocolError(*error)
