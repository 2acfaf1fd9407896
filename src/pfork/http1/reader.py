"""Reads the requests of one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from pfork.http1.chunked import ChunkedDecoder
from pfork.http1.errors import ProtocolError
from pfork.http1.fields import FieldCache, FieldError
from pfork.http1.framing import CHUNKED, read_framing
from pfork.http1.head import HeadWalk, parse_request_line, target_authority

if TYPE_CHECKING:
    from pfork.config import HttpSettings

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
"""To be sent once, where ``expect_continue`` is true, as soon as the body is wanted."""

_HEAD_END: Final = b"\r\n\r\n"
_CR: Final = 0x0D
_SLASH: Final = 0x2F
_UNLIMITED: Final = 1 << 62

RequestLine = tuple[str, bytes, bool]
"""Method, target, and whether it is HTTP/1.1."""

# Request lines met before; see fields.py, also for the bounds.
_MAX_LINES: Final = 1024
_MAX_LINE: Final = 256
_request_lines: dict[bytes, RequestLine] = {}


class RequestReader:
    """The requests of one connection, one after the other: head, body, next head ... It touches no socket.

    A gateway subclasses it to take the headers, ``take_fields``, in the form that it gave its ``FieldCache``. A
    request ends when its body has been read; ``next_request`` then begins the next one. After a ProtocolError
    the reader is of no more use.

    Attributes, of the current request. Those but the first three are valid once the head is complete.
        method: as sent. Like ``target`` known once the request line is, empty before.
        target: the request target, raw, as sent; see ``split_target``.
        head_done: the head is complete.
        http11: HTTP/1.1; otherwise 1.0.
        keep_alive: the client's wish (RFC 9112 9.3).
        content_length: bytes of the body; 0 none, -1 (``CHUNKED``) unknown.
        expect_continue: the client waits for ``CONTINUE``. False when bytes of the body came with the head.
        upgrade: the value of Upgrade in lower case where Connection names it, on HTTP/1.1; otherwise b"".
        body_done: the whole body has been given out; true at once where there is none.
    """

    __slots__ = (
        "_body_left",
        "_chunks",
        "_fields",
        "_kept",
        "_limits",
        "_most_lines",
        "_partial",
        "_position",
        "_small_head",
        "_walk",
        "body_done",
        "content_length",
        "expect_continue",
        "head_done",
        "http11",
        "keep_alive",
        "method",
        "target",
        "upgrade",
    )

    def __init__(self, limits: HttpSettings, fields: FieldCache[Any]) -> None:
        self._limits = limits
        self._fields = fields
        # A head of at most this many bytes and lines breaks no limit, whatever is in it.
        self._small_head = min(limits.limit_request_line or _UNLIMITED, limits.limit_request_field_size or _UNLIMITED)
        self._most_lines = (limits.limit_request_fields or _UNLIMITED) + 1  # with the request line
        self._kept = b""  # what came and is not used yet, from _position on
        self._position = 0
        self._walk: HeadWalk | None = None  # through a head that is not complete
        self._partial = bytearray()  # what the walk has seen
        self._chunks: ChunkedDecoder | None = None
        self._body_left = 0
        self.method = ""
        self.target = b""
        self.head_done = False
        self.http11 = True
        self.keep_alive = True
        self.content_length = 0
        self.expect_continue = False
        self.upgrade = b""
        self.body_done = False

    # For subclasses

    def take_fields(self, fields: list[Any]) -> None:
        """The headers of a new request, each as the gateway made it from name and value, in the order sent.

        The list is the gateway's to keep. ``method``, ``target`` and ``http11`` are set. May raise
        ProtocolError.
        """

    # Heads

    def receive(self, data: bytes) -> bool:
        """Take bytes of a head. What is behind it is kept, for ``receive_body`` and ``next_request``.

        Returns:
            The head is complete: the attributes are valid, and the subclass has got the headers.

        Raises:
            ProtocolError: refused, before the head is complete where that can be known.
            RuntimeError: the head was complete before. Its body goes to ``receive_body``.
        """
        if self.head_done:
            raise RuntimeError("receive() after the head: these bytes would be taken for a head")
        if self._walk is None:
            return self._take_head(data, 0)
        return self._take_more(data)

    def next_request(self) -> bool:
        """Begin the next request with the bytes kept. True when its head is complete already (pipelining).

        Raises:
            ProtocolError: as ``receive``.
            RuntimeError: the body of the current request was not read to its end.
        """
        if not self.body_done:
            raise RuntimeError("next_request() before the body's end: the rest would be taken for a head")
        self.method = ""
        self.target = b""
        self.head_done = self.body_done = False
        kept = self._kept
        if not kept:
            return False
        self._kept = b""
        return self._take_head(kept, self._position)

    @property
    def is_clean(self) -> bool:
        """No byte of a further request has come, closing loses none. (A line end behind a body is none.)"""
        if self._walk is not None:
            beginning = bytes(self._partial[:3])
        else:
            beginning = self._kept[self._position : self._position + 3]
        return beginning in (b"", b"\r", b"\r\n")

    def _take_head(self, data: bytes, start: int) -> bool:
        """The fast path: a head in one piece, as nearly all are."""
        end = data.find(_HEAD_END, start)
        if end < 0 or data[start] == _CR:
            self._walk = HeadWalk(self._limits)
            self._partial = bytearray()
            return self._take_more(data[start:])
        if end + 4 < len(data):
            self._kept = data
            self._position = end + 4
        self._parse(data[start:end])
        return True

    def _take_more(self, data: bytes) -> bool:
        """The careful path: pieces of a head, or an empty line before one."""
        walk = self._walk
        assert walk is not None
        partial = self._partial
        partial += data
        try:
            end = walk.advance(partial)
        finally:
            self.method, self.target = walk.method, walk.target  # for the log, also of a refused head
        if end < 0:
            return False
        self._walk = None
        self._partial = bytearray()
        self._kept = bytes(partial[end:])
        self._position = 0
        self._parse(bytes(partial[2 if partial[0] == _CR else 0 : end - 4]))
        return True

    def _parse(self, head: bytes) -> None:
        """Parse a whole head, without the empty line at its end."""
        lines = head.split(b"\r\n")
        if len(head) > self._small_head or len(lines) > self._most_lines:
            self._walk_through(head)
        line = lines.pop(0)
        request_line = _request_lines.get(line)
        if request_line is None:
            request_line = self._read_request_line(line, head)
        self.method, target, http11 = request_line
        self.target = target
        self.http11 = http11
        if target[0] != _SLASH:
            lines = _put_host(target, http11, lines)
        try:
            given, special = self._fields.read(lines)
        except FieldError as error:
            self._explain(head, error)
        framing = read_framing(http11, special)
        self.content_length, self.keep_alive, self.expect_continue, self.upgrade = framing
        self.take_fields(given)
        self.head_done = True
        if self.content_length:
            self._begin_body()
        else:
            self.body_done = True

    def _read_request_line(self, line: bytes, head: bytes) -> RequestLine:
        """A request line that is not known, or not any more."""
        try:
            request_line = parse_request_line(line)
        except ProtocolError:
            self._walk_through(head)  # it knows better, when there is a bare CR or LF in the line
            raise
        if len(line) <= _MAX_LINE:
            if len(_request_lines) >= _MAX_LINES:
                _request_lines.clear()
            _request_lines[line] = request_line
        return request_line

    def _walk_through(self, head: bytes) -> HeadWalk:
        """Raise for the first rule that a head breaks, if it breaks one that can be seen line by line."""
        walk = HeadWalk(self._limits)
        walk.advance(head + _HEAD_END)
        return walk

    def _explain(self, head: bytes, error: FieldError) -> NoReturn:
        """Raise for the rule that was broken by a head with a malformed line."""
        read_framing(self.http11, tuple(self._walk_through(head).framing))
        raise ProtocolError(400, "a malformed head") from error

    # Bodies

    def _begin_body(self) -> None:
        limit = self._limits.limit_request_body
        if self.content_length == CHUNKED:
            self._chunks = ChunkedDecoder(limit)
        elif 0 < limit < self.content_length:
            raise ProtocolError(413, "the body is larger than limit_request_body")
        self._body_left = self.content_length
        if self._kept:
            self.expect_continue = False  # RFC 9110 10.1.1: no need, once some of the content has come

    def receive_body(self, data: bytes = b"") -> bytes:
        """Take bytes, give bytes of the body, those that came with the head first; see ``body_done``.

        b"" says only that there are none now. What comes behind the body is kept for ``next_request``:
        without a bound, so stop reading from the client then. Trailers are checked and dropped.

        Raises:
            ProtocolError: 400 for malformed chunks, 413 for a body and 431 for trailers that are too large.
        """
        if self._kept:
            data = self._kept[self._position :] + data
            self._kept = b""
        if self.body_done:
            self._keep(data, 0)
            return b""
        if self._chunks is not None:
            body = self._chunks.decode(data)
            if self._chunks.done:
                self.body_done = True
                self._keep(self._chunks.rest, 0)
                self._chunks = None
            return body
        left = self._body_left
        if len(data) < left:
            self._body_left = left - len(data)
            return data
        self.body_done = True
        if len(data) == left:
            return data
        self._keep(data, left)
        return data[:left]

    def _keep(self, data: bytes, position: int) -> None:
        self._kept = data
        self._position = position


def _put_host(target: bytes, http11: bool, lines: list[bytes]) -> list[bytes]:
    """The header lines with the host of an absolute-form target as the value of Host.

    RFC 9112 3.2.2: the Host received is to be ignored. Done here, no gateway can forget it. Several Hosts
    remain several, and no Host on HTTP/1.1 remains none: both are refused.
    """
    authority = target_authority(target)
    if authority is None:  # the target is *
        return lines
    host = b"Host: " + authority
    put = [host if line[:5].lower() == b"host:" else line for line in lines]
    return put if host in put or http11 else [host, *put]
