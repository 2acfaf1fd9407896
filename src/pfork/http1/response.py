"""Frames one response: status, headers and pieces of the body in; bytes to be sent out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import AnyStr, Final

from pfork.http1.date import Stamp
from pfork.http1.errors import BodyTooLong, BodyTooShort, InvalidResponse, ProtocolError
from pfork.http1.grammar import is_token
from pfork.http1.status import StatusLine, status_bytes, status_line, status_line_of_text

LAST_CHUNK: Final = b"0\r\n\r\n"

# How the end of the body is marked (RFC 9112 6.3).
_NO_BODY, _BY_LENGTH, _BY_CHUNKS, _BY_CLOSE = range(4)

# Headers of the application that do not just pass. Hop-by-hop ones are the server's business (RFC 9110 7.6.1,
# PEP 3333 "Other HTTP Features"). A Date or a Server of the application is sent in the place of pfork's.
_DROPPED: Final = frozenset({"keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})
_SPECIAL: Final = _DROPPED | {"connection", "content-length", "date", "server"}

# Header lines that were found valid once, by name and value as the application gave them: applications repeat
# themselves. Bounded, as they may also make up values without end; then they start anew. Bytes and strings apart, as
# b"a" and "a" have the same hash.
_MAX_LINES: Final = 1024
_MAX_LINE: Final = 256
_bytes_lines: dict[tuple[bytes, bytes], bytes] = {}
_text_lines: dict[tuple[str, str], bytes] = {}

_stamp: Final = Stamp()

Known = dict[tuple[AnyStr, AnyStr], bytes]


class Response:
    """One response, from its head to its end.

    Attributes:
        keep_alive: the connection may serve another request. As given at first; False once the application or
            the framing rules it out. Final when the body has ended.
        has_body: the body is sent; not that of HEAD, 204 and 304, which is dropped. Known by start.
        chunked: the body is sent in chunks, so not straight from a file. Known by start.
        body_sent: bytes of the body so far, without the framing.
    """

    __slots__ = (
        "_app_date",
        "_app_length",
        "_app_server",
        "_head",
        "_http11",
        "_left",
        "_mode",
        "body_sent",
        "keep_alive",
    )

    def __init__(self, *, method: str, http11: bool, keep_alive: bool) -> None:
        """``method``, ``http11``: the request's. ``keep_alive``: neither client nor worker wants to close."""
        self.keep_alive = keep_alive
        self.body_sent = 0
        self._head = method == "HEAD"
        self._http11 = http11
        self._mode = _NO_BODY
        self._left = 0  # body bytes still to come, by Content-Length
        # What the application's headers said, gathered by start:
        self._app_length: int | None = None
        self._app_date = False
        self._app_server = False

    @property
    def has_body(self) -> bool:
        return self._mode != _NO_BODY

    @property
    def chunked(self) -> bool:
        return self._mode == _BY_CHUNKS

    def start(self, status: bytes, headers: Iterable[tuple[bytes, bytes]], *, length: int | None = None) -> bytes:
        """The head. ``status`` is like ``b"200 OK"``; ``length``: bytes of the body, where they are known.

        Added are Date, Server, where needed Connection, and what marks the body's end: Content-Length (of
        ``length`` if the application gave none), chunks, or the close of the connection, as version and
        status allow.

        Raises:
            InvalidResponse: a header or the status cannot be sent. Another start may be tried.
        """
        return self._make_head(status_line(status), headers, _bytes_lines, length)

    def start_text(self, status: str, headers: Iterable[tuple[str, str]], *, length: int | None = None) -> bytes:
        """As ``start``, with native strings of Latin-1 characters, as PEP 3333 has them."""
        return self._make_head(status_line_of_text(status), headers, _text_lines, length)

    def interim(self, status: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """A whole interim response (1xx, such as ``b"103 Early Hints"``), to be sent before the start.

        b"" for a client of HTTP/1.0, which would not understand it (RFC 9110 15.2).

        Raises:
            InvalidResponse: not an interim status, or a header that cannot be sent.
        """
        line = status_line(status)
        if line.code >= 200 or line.code == 101:
            raise InvalidResponse(f"status {line.code}: must be one of 100 to 199, and not 101")
        if not self._http11:
            return b""
        try:
            lines = [b"\r\n%b: %b" % (name, value) for name, value in headers if _key(name) not in _SPECIAL]
        except (TypeError, ValueError) as error:
            raise _as_invalid(error, "bytes") from error
        block = b"".join(lines)
        _check_block(block, len(lines))
        return line.line + block + b"\r\n\r\n"

    def body(self, data: bytes) -> bytes:
        """A piece of the body, framed; b"" when nothing is to be sent (no data, or ``has_body`` is false).

        Raises:
            BodyTooLong: more than Content-Length. Its ``allowed`` may be sent. ``keep_alive`` is False now.
        """
        mode = self._mode
        if mode == _BY_LENGTH:
            size = len(data)
            if size > self._left:
                raise self._too_long(size, data)
            self._left -= size
            self.body_sent += size
            return data
        if mode == _NO_BODY or not data:
            return b""
        size = len(data)
        self.body_sent += size
        if mode == _BY_CHUNKS:
            return b"%x\r\n%b\r\n" % (size, data)
        return data

    def body_from_file(self, count: int) -> None:
        """Account for ``count`` bytes of the body that are sent without passing here. Not for chunks.

        Raises:
            BodyTooLong: more than Content-Length; send only up to it. ``keep_alive`` is False now.
        """
        if self._mode == _BY_CHUNKS:
            raise RuntimeError("a file's bytes cannot be sent unframed in a chunked response")
        if self._mode == _NO_BODY:
            return
        if self._mode == _BY_LENGTH:
            if count > self._left:
                raise self._too_long(count, b"")
            self._left -= count
        self.body_sent += count

    def end(self) -> bytes:
        """What marks the end of the body: the last chunk, or nothing.

        Raises:
            BodyTooShort: less than Content-Length. ``keep_alive`` is False now.
        """
        if self._mode == _BY_CHUNKS:
            return LAST_CHUNK
        if self._left:
            self.keep_alive = False
            announced = self.body_sent + self._left
            raise BodyTooShort(f"the body ended after {self.body_sent} bytes: Content-Length is {announced}")
        return b""

    def _make_head(
        self, status: StatusLine, headers: Iterable[tuple[AnyStr, AnyStr]], known: Known[AnyStr], length: int | None
    ) -> bytes:
        self._app_length = None
        self._app_date = self._app_server = False
        parts = [status.line]
        try:
            for name, value in headers:
                line = known.get((name, value))
                if line is None:
                    line = self._new_line(name, value, known)
                parts.append(line)
        except (TypeError, ValueError, AttributeError) as error:
            raise _as_invalid(error, "bytes" if known is _bytes_lines else "Latin-1 strings") from error
        if status.code < 200:
            raise InvalidResponse(f"status {status.code}: an interim response cannot be the final one")
        parts.append(self._frame(status, length))
        if self._app_date or self._app_server:
            parts.append(_stamp.without(date=self._app_date, server=self._app_server))
        else:
            parts.append(_stamp.both())
        if not self.keep_alive:
            parts.append(b"\r\nConnection: close\r\n\r\n")
        elif self._http11:
            parts.append(b"\r\n\r\n")
        else:
            parts.append(b"\r\nConnection: keep-alive\r\n\r\n")
        return b"".join(parts)

    def _new_line(self, name: AnyStr, value: AnyStr, known: Known[AnyStr]) -> bytes:
        """The line of a header that is special, or not known yet; b"": it is not sent."""
        is_text = known is _text_lines
        key = _key(_raw(name, is_text))
        is_special = key in _SPECIAL
        if is_special and not self._passes(key, value):
            return b""
        line = b"\r\n%b: %b" % (_raw(name, is_text), _raw(value, is_text))
        _check_block(line, 1)
        if is_special:
            return line
        if len(line) <= _MAX_LINE:
            if len(known) >= _MAX_LINES:
                known.clear()
            known[name, value] = line
        return line

    def _passes(self, key: str, value: bytes | str) -> bool:
        """Take note of a special header. True: it is sent as it is."""
        if key == "content-length":
            if self._app_length is not None:
                raise InvalidResponse("two Content-Length headers: there must be one at most")
            self._app_length = _parse_length(_text(value))
            return False  # _frame writes it where it may be sent
        if key == "date":
            self._app_date = True
            return True
        if key == "server":
            self._app_server = True
            return True
        if key == "connection" and "close" in [token.strip() for token in _text(value).lower().split(",")]:
            self.keep_alive = False
        return False

    def _frame(self, status: StatusLine, length: int | None) -> bytes:
        """Decide how the body's end is marked (RFC 9112 6.3), and give the header line that says so."""
        if self._app_length is not None:
            length = self._app_length
        self._left = 0
        if not status.has_content or self._head:
            self._mode = _NO_BODY
            # RFC 9110 8.6: no length in a 204; in a 304 and for HEAD the one a 200 or GET would have. That
            # the application knows. The length of what it made for HEAD tells it too, unless it made nothing.
            if status.code == 204 or (self._app_length is None and not (length and status.has_content)):
                return b""
            return b"\r\nContent-Length: %d" % (length or 0)
        if length is not None:
            self._mode = _BY_LENGTH
            self._left = length
            return b"\r\nContent-Length: %d" % length
        if self._http11:
            self._mode = _BY_CHUNKS
            return b"\r\nTransfer-Encoding: chunked"
        self._mode = _BY_CLOSE
        self.keep_alive = False
        return b""

    def _too_long(self, size: int, data: bytes) -> BodyTooLong:
        announced = self.body_sent + self._left
        error = BodyTooLong(
            f"the body has at least {self.body_sent + size} bytes: Content-Length is {announced}",
            allowed=data[: self._left],
        )
        self.keep_alive = False
        self.body_sent = announced
        self._left = 0
        return error


def error_response(error: ProtocolError | int, reason: str = "", *, method: str = "GET") -> bytes:
    """A whole small response in plain text, with ``Connection: close``.

    ``error``: what the reader raised, or a status code with a ``reason`` for the client, which must hold
    nothing that the client sent. ``method``: of the request, where it is known; HEAD gets no body.
    """
    if isinstance(error, ProtocolError):
        code, reason = error.status, error.reason
    else:
        code = error
    status = status_bytes(code)
    text = status + b": " + reason.encode("utf-8") if reason else status
    response = Response(method=method, http11=True, keep_alive=False)
    head = response.start(status, [(b"Content-Type", b"text/plain; charset=utf-8")], length=len(text) + 1)
    return head + response.body(text + b"\n") + response.end()


def _raw(text: AnyStr, is_text: bool) -> bytes:
    """A name or a value as it is sent. Raises TypeError when it is of the other type, ValueError beyond Latin-1."""
    if isinstance(text, str) is not is_text:
        raise TypeError(f"{text!r} is of type {type(text).__name__}")
    return text.encode("latin-1") if isinstance(text, str) else text


@lru_cache(maxsize=512)
def _key(name: bytes) -> str:
    """The lower-case name of a header, which is checked to be a token (RFC 9110 5.6.2)."""
    if not is_token(name):
        raise InvalidResponse(f"header name {name!r}: must be of token characters (RFC 9110 5.6.2)")
    return name.decode("ascii").lower()


def _text(value: bytes | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError(f"{value!r} is of type {type(value).__name__}")


@lru_cache(maxsize=512)
def _parse_length(value: str) -> int:
    text = value.strip(" \t")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidResponse(f"Content-Length {value!r}: must be a number of bytes, of 18 digits at most")
    return int(text)


def _check_block(block: bytes, lines: int) -> None:
    """Refuse response splitting: CR LF begins each line and is nowhere else; no NUL (RFC 9110 5.5)."""
    if block.count(b"\n") != lines or block.count(b"\r") != lines or block.find(b"\0") >= 0:
        raise InvalidResponse("a header value holds a CR, LF or NUL character: it must not")


def _as_invalid(error: Exception, kind: str) -> InvalidResponse:
    """What the application gave for headers is no list of pairs, or the pairs are of other types."""
    if isinstance(error, InvalidResponse):
        return error
    return InvalidResponse(f"headers: must be a list of pairs of {kind} ({error})")
