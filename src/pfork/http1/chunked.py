"""The chunked transfer coding, read strictly (RFC 9112 7.1)."""

from __future__ import annotations

import re
from typing import Final

from pfork.http1.errors import ProtocolError
from pfork.http1.framing import FRAMING
from pfork.http1.head import parse_field

MAX_EXTENSION_BYTES: Final = 4096
"""Of one body. RFC 9112 7.1.1 wants unknown extensions ignored, their total bounded. Here all are unknown."""

MAX_TRAILER_BYTES: Final = 16_384
"""Of one body, line ends included."""

# Hexadecimal digits and nothing before, between or after them, not even the white space that RFC 9112 7.1.1
# calls bad: no sender needs it, and parsers disagree on it. 15 digits overflow a signed 64-bit integer
# nowhere. As extensions are ignored, their grammar does not matter, but they are of the bytes of a field
# value: a bare CR or LF in them would be the end of the line to a more lenient parser.
_MAX_DIGITS: Final = 15
_DIGITS: Final = rb"([0-9A-Fa-f]{1,%d})" % _MAX_DIGITS
_EXTENSION: Final = rb"(?:;[\t\x20-\x7e\x80-\xff]*)?"
_size_line: Final = re.compile(_DIGITS + _EXTENSION).fullmatch
_size_line_beginning: Final = re.compile(rb"(?:" + _DIGITS + _EXTENSION + rb"\r?)?").fullmatch

_HEADERS_ONLY: Final = FRAMING | {b"authorization", b"te", b"trailer"}

# What the decoder expects next.
_SIZE, _DATA, _DATA_END, _TRAILER, _NOTHING = range(5)

_BAD_SIZE: Final = "a chunk size is not of 1 to 15 hexadecimal digits and CRLF"
_BAD_DATA: Final = "no CRLF behind the data of a chunk"
_BARE: Final = "a bare CR or LF in a trailer"


class ChunkedDecoder:
    """Takes the bytes behind a head, gives the bytes of the body.

    size line -> data -> CRLF -> size line ... size line of 0 -> trailer lines -> empty line -> done

    Attributes:
        done: the end has been reached.
        rest: the bytes behind the end, of the next request.
    """

    __slots__ = ("_extensions", "_kept", "_left", "_limit", "_size", "_state", "_trailers", "done", "rest")

    def __init__(self, limit: int) -> None:
        """``limit``: bytes the body may have; 0 for any number."""
        self._limit = limit
        self._state = _SIZE
        self._left = 0  # bytes of the current chunk still to come
        self._size = 0  # bytes of the body announced so far
        self._extensions = 0  # bytes of extensions so far
        self._trailers = 0  # bytes of trailers so far
        self._kept = b""  # the beginning of a line; small, as every line is bounded
        self.done = False
        self.rest = b""

    def decode(self, data: bytes) -> bytes:
        """The bytes of the body in what came. b"" says only that there are none now: look at ``done``.

        Raises:
            ProtocolError: 400 malformed, 413 larger than the limit (as soon as a chunk's size says so),
                431 for trailers that are too large.
        """
        if self._kept:
            data = self._kept + data
            self._kept = b""
        pieces: list[bytes] = []
        position = 0
        while not self.done:
            if self._state == _DATA:
                piece = data[position : position + self._left]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._state = _DATA_END
            line_end = data.find(b"\r\n", position)
            if line_end < 0:
                self._keep(data[position:])
                break
            self._take_line(data[position:line_end])
            position = line_end + 2
        if self.done:
            self.rest = data[position:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take_line(self, line: bytes) -> None:
        if self._state == _DATA_END:
            if line:
                raise ProtocolError(400, _BAD_DATA)
            self._state = _SIZE
        elif self._state == _SIZE:
            self._take_size(line)
        elif line:
            self._take_trailer(line)
        else:
            self._state = _NOTHING
            self.done = True

    def _take_size(self, line: bytes) -> None:
        match = _size_line(line)
        if match is None:
            raise ProtocolError(400, _BAD_SIZE)
        digits = match[1]
        self._extensions += len(line) - len(digits)
        _check_extensions(self._extensions)
        self._left = int(digits, 16)
        self._size += self._left
        if 0 < self._limit < self._size:
            raise ProtocolError(413, "the body is larger than limit_request_body")
        self._state = _DATA if self._left else _TRAILER

    def _take_trailer(self, line: bytes) -> None:
        self._trailers += len(line) + 2
        _check_trailers(self._trailers)
        if b"\n" in line or b"\r" in line:
            raise ProtocolError(400, _BARE)
        name, _ = parse_field(line)
        # All trailers are dropped, so these do no harm here. But who sends one tries to (RFC 9110 6.5.1).
        if name in _HEADERS_ONLY:
            raise ProtocolError(400, "a trailer of a name that only a header may have")

    def _keep(self, beginning: bytes) -> None:
        """Keep the beginning of a line, unless it is wrong already: its end may never come."""
        if self._state == _DATA_END:
            if beginning not in (b"", b"\r"):
                raise ProtocolError(400, _BAD_DATA)
        elif self._state == _SIZE:
            if not _size_line_beginning(beginning):
                raise ProtocolError(400, _BAD_SIZE)
            _check_extensions(self._extensions + len(beginning) - _MAX_DIGITS - 1)
        else:
            if b"\n" in beginning or b"\r" in beginning[:-1]:
                raise ProtocolError(400, _BARE)
            _check_trailers(self._trailers + len(beginning))
        self._kept = beginning


def _check_extensions(size: int) -> None:
    if size > MAX_EXTENSION_BYTES:
        raise ProtocolError(400, "too many bytes of chunk extensions")


def _check_trailers(size: int) -> None:
    if size > MAX_TRAILER_BYTES:
        raise ProtocolError(431, "too many bytes of trailers")
