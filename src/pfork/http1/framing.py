"""What the headers of a request say about the connection: where the body ends, and what comes after it.

Every rule against request smuggling that is about the values of headers stands here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pfork.http1.errors import ProtocolError
from pfork.http1.grammar import is_host

FRAMING: Final = frozenset(
    {b"host", b"content-length", b"content-type", b"transfer-encoding", b"connection", b"expect", b"upgrade"}
)
"""Lower-case names of the headers that http1 itself must see. A name that is merely like one of them
(``Content_Length``) is ordinary: nothing here takes an underscore for a hyphen."""

CHUNKED: Final = -1
"""The ``content_length`` of a body whose chunks tell where it ends."""

_MAX_LENGTH_DIGITS: Final = 18  # fits a signed 64-bit integer, as every other parser on the way needs it

_MAX_KNOWN_HOSTS: Final = 256
_known_hosts: set[bytes] = set()


@lru_cache(maxsize=64)
def read_framing(http11: bool, headers: tuple[tuple[bytes, bytes], ...]) -> tuple[int, bool, bool, bytes]:
    """Judge the framing headers of a request: names in lower case, values without white space around them.

    A pure function, and mostly asked the same: of Host alone, or of Host and ``Connection: keep-alive``.

    Returns:
        ``content_length``, ``keep_alive``, ``expect_continue`` and ``upgrade`` of ``RequestReader``.

    Raises:
        ProtocolError: 400, 413, 417 or 501.
    """
    hosts = types = 0
    length = coding = expect = upgrade = connection = None
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if value not in _known_hosts:
                _check_host(value)
        elif name == b"content-type":
            types += 1
        elif name == b"connection":
            connection = _joined(connection, value)
        elif name == b"content-length":
            if length is not None:  # RFC 9112 6.3 lets equal ones pass, but no honest client sends two
                raise ProtocolError(400, "more than one Content-Length")
            length = value
        elif name == b"transfer-encoding":
            coding = _joined(coding, value)
        elif name == b"expect":
            expect = _joined(expect, value)
        elif name == b"upgrade":
            upgrade = _joined(upgrade, value)
    if hosts != 1 and (hosts or http11):  # RFC 9112 3.2
        raise ProtocolError(400, "more than one Host" if hosts else "HTTP/1.1 without Host")
    if types > 1:  # RFC 9110 8.3: which of them counts is disputed, and two parties may choose differently
        raise ProtocolError(400, "more than one Content-Type")
    content_length = 0
    if coding is not None:
        _check_coding(http11, coding, length)
        content_length = CHUNKED
    elif length is not None:
        content_length = _parse_length(length)
    if expect is not None and expect != b"100-continue":  # RFC 9110 10.1.1
        raise ProtocolError(417, "the only expectation met is 100-continue")
    # An HTTP/1.0 client would not understand the 100, and one without a body does not wait for it.
    expect_continue = expect is not None and http11 and content_length != 0
    if connection is None:  # RFC 9110 7.8: Upgrade counts only where Connection names it
        return content_length, http11, expect_continue, b""
    keep_alive, upgrading = _read_connection(connection, http11)
    return content_length, keep_alive, expect_continue, upgrade if upgrading and upgrade else b""


def _joined(before: bytes | None, value: bytes) -> bytes:
    """Several headers of a name are one list (RFC 9110 5.3). In lower case, as all these values may be."""
    return value.lower() if before is None else before + b"," + value.lower()


def _read_connection(connection: bytes, http11: bool) -> tuple[bool, bool]:
    """(keep the connection, upgrade it), by Connection's tokens (RFC 9112 9.3, RFC 9110 7.6.1 and 7.8)."""
    if connection == b"keep-alive":
        return True, False
    tokens = [token.strip(b" \t") for token in connection.split(b",")]
    keep_alive = b"close" not in tokens and (http11 or b"keep-alive" in tokens)
    return keep_alive, http11 and b"upgrade" in tokens


def _check_coding(http11: bool, coding: bytes, length: bytes | None) -> None:
    """RFC 9112 6.1 and 6.3: chunked, once, on HTTP/1.1. All else is unknown or an attempt at smuggling."""
    if length is not None:
        raise ProtocolError(400, "both Content-Length and Transfer-Encoding")
    if not http11:
        raise ProtocolError(400, "Transfer-Encoding in HTTP/1.0")
    if coding == b"chunked":
        return
    codings = {item.strip(b" \t") for item in coding.split(b",")}
    if codings <= {b"", b"chunked"}:
        raise ProtocolError(400, "Transfer-Encoding is not the single word chunked")
    raise ProtocolError(501, "the only transfer coding understood is chunked")


def _parse_length(value: bytes) -> int:
    if not value.isdigit():  # of bytes this is ASCII only: no sign, no space, no list, no other script
        raise ProtocolError(400, "Content-Length is not a number")
    if len(value.lstrip(b"0")) > _MAX_LENGTH_DIGITS:
        raise ProtocolError(413, "Content-Length is larger than any body can be")
    return int(value[-_MAX_LENGTH_DIGITS:])


def _check_host(value: bytes) -> None:
    """RFC 9112 3.2: 400 for an invalid value. Valid ones are remembered, as most servers have few names."""
    if not is_host(value):
        raise ProtocolError(400, "Host is not a host name with an optional port")
    if len(_known_hosts) < _MAX_KNOWN_HOSTS and len(value) < 256:
        _known_hosts.add(value)
