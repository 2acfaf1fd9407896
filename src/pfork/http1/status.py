"""Status codes and their lines."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final, NamedTuple

from pfork.http1.errors import InvalidResponse

_PHRASES: Final = {status.value: status.phrase.encode("ascii") for status in HTTPStatus} | {
    413: b"Content Too Large",  # RFC 9110 15.5.14; Python 3.11 has the older phrase
    422: b"Unprocessable Content",
}
_is_status: Final = re.compile(rb"[1-9][0-9]{2}(?: [\t\x20-\x7e\x80-\xff]*)?").fullmatch
_MAX_CACHED: Final = 512


class StatusLine(NamedTuple):
    """A status as it is sent, and what it means for the framing."""

    line: bytes  # "HTTP/1.1 200 OK", without its CRLF
    code: int
    has_content: bool  # False: never a body (1xx, 204, 304), RFC 9112 6.3


# Two caches, as b"200 OK" and "200 OK" have the same hash. Bounded, as an application may make up phrases.
_bytes_lines: dict[bytes, StatusLine] = {}
_text_lines: dict[str, StatusLine] = {}


def status_bytes(code: int) -> bytes:
    """``b"200 OK"`` for 200. A code without a registered phrase has an empty one: ``b"299 "``."""
    return b"%d %b" % (code, _PHRASES.get(code, b""))


def status_line(status: bytes) -> StatusLine:
    """The line for a status such as ``b"200 OK"`` or ``b"404 Gone fishing"``.

    HTTP/1.1 whatever the client speaks: RFC 9110 2.5 wants the highest version that the server conforms to.

    Raises:
        InvalidResponse: not three digits, a space and a phrase without control characters.
    """
    found = _bytes_lines.get(status)
    if found is None:
        found = _make_line(status)
        if len(_bytes_lines) < _MAX_CACHED:
            _bytes_lines[status] = found
    return found


def status_line_of_text(status: str) -> StatusLine:
    """As ``status_line``, of a native string."""
    found = _text_lines.get(status)
    if found is None:
        try:
            raw = status.encode("latin-1")
        except (AttributeError, UnicodeEncodeError):
            raise _invalid(status) from None
        found = _make_line(raw)
        if len(_text_lines) < _MAX_CACHED:
            _text_lines[status] = found
    return found


def _make_line(status: bytes) -> StatusLine:
    if not isinstance(status, bytes) or not _is_status(status):
        raise _invalid(status)
    code = int(status[:3])
    if len(status) == 3:
        status += b" "  # RFC 9112 4: the space is there even where the phrase is not
    return StatusLine(b"HTTP/1.1 " + status, code, code >= 200 and code not in (204, 304))


def _invalid(status: object) -> InvalidResponse:
    return InvalidResponse(f"status {status!r}: must be three digits, a space and a phrase, as in '200 OK'")
