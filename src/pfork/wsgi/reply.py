"""One response in the making: ``start_response``, ``write`` and the iterable (PEP 3333, "Specification
Details")."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from pfork.http1 import BodyTooLong, InvalidResponse, Response
from pfork.wsgi.streams import FileWrapper

if TYPE_CHECKING:
    from types import TracebackType

    from pfork.wsgi.environ import EnvironReader
    from pfork.wsgi.output import Output

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_log = logging.getLogger("pfork.error")

_ONE_WRITE: Final = 65536
"""Bytes of body that are worth joining, or reading from a file, to be sent with the head in one piece."""

_ERROR_PAGE: Final = b"Internal Server Error\n"


class Reply:
    """The response to one request. A small object with methods: as quick as closures, and it can be read.

    Attributes:
        status: of the response that goes out; "" until the application said it.
        headers: the application's list itself, as given.
        response: what frames it, once its head has been made; None before.
        is_over: the request has ended: the application must not touch its response any more.
    """

    __slots__ = ("_has_ended", "_output", "_reader", "headers", "is_over", "response", "status")

    def __init__(self, reader: EnvironReader, output: Output) -> None:
        self._reader = reader
        self._output = output
        self.status = ""
        self.headers: Any = ()
        self.response: Response | None = None
        self._has_ended = False
        self.is_over = False

    # What the application is given

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """PEP 3333, "The start_response() Callable". Nothing is sent before there is a body, or its end.

        Raises:
            AssertionError: called a second time without ``exc_info``, or after the request has ended.
            TypeError: an argument is not of the type that PEP 3333 names.
            BaseException: that of ``exc_info``, when the head has been sent and it is too late for another.
        """
        if self.is_over:
            raise AssertionError("start_response() called after the request had ended")
        if exc_info:
            try:
                if self.response is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it refers to this frame's callers: no circle for the garbage collector
        elif self.status:
            raise AssertionError("start_response() called a second time without exc_info (PEP 3333)")
        if not isinstance(status, str) or not status:
            raise TypeError(f"start_response(): status {status!r} must be a str such as '200 OK' (PEP 3333)")
        if not isinstance(headers, (list, tuple)):
            raise TypeError(
                f"start_response(): headers must be a list of (name, value) tuples (PEP 3333), not {_kind(headers)}"
            )
        self.status = status
        self.headers = headers
        return self.write

    def write(self, data: bytes, /) -> None:
        """PEP 3333, "The write() Callable": send a piece of the body now, the head before it.

        Raises:
            AssertionError: called after the request has ended.
            TypeError: not bytes.
            BodyTooLong: more than Content-Length; what fits has been sent.
            ClientGone: nobody reads it.
        """
        if self.is_over:
            raise AssertionError("write() called after the request had ended")
        if not isinstance(data, bytes):
            raise TypeError(f"write(): takes bytes (PEP 3333), not {_kind(data)}")
        if data:
            self._send(data, None)

    # What the gateway does with it

    def send_result(self, result: Any) -> Response:
        """Send what the application returned, to its end. Does not close it.

        Raises:
            TypeError: not an iterable of bytes.
            AssertionError: ``start_response`` has not been called.
            InvalidResponse: status, headers or the body's length are not HTTP.
            ClientGone: the client has left.
            BaseException: whatever the iterable raises.
        """
        kind = type(result)
        if kind is list or kind is tuple:
            self._send_list(result)
        elif kind is FileWrapper and self.response is None:
            self._send_file(result)
        else:
            self._send_iterable(result)
        response = self.response or self._send(b"", 0)
        end = response.end()
        if end:
            self._output.write(end)
        self._has_ended = True
        return response

    def send_error_page(self) -> Response:
        """Answer 500 in the place of the application, which failed before the head was made."""
        self.status = "500 Internal Server Error"
        self.headers = [("Content-Type", "text/plain; charset=utf-8")]
        return self._send(_ERROR_PAGE, len(_ERROR_PAGE))

    def is_whole(self) -> bool:
        """Whether all has been sent that the head promises: then an error that comes now spoils nothing."""
        response = self.response
        if response is None:
            return False
        if self._has_ended or not response.has_body:
            return True
        return response.body_sent == _announced_length(self.headers)

    def _send_list(self, result: list[Any] | tuple[Any, ...]) -> None:
        """A finished body: its length is known, and it goes out with the head in one piece unless it is
        large."""
        if len(result) == 1:
            data = result[0]
            if type(data) is not bytes:
                _check_piece(data)
            self._send(data, len(data))
            return
        length = 0
        for piece in result:
            _check_piece(piece)
            length += len(piece)
        batch: list[bytes] = []
        size = 0
        for piece in result:
            batch.append(piece)
            size += len(piece)
            if size >= _ONE_WRITE:
                self._send(b"".join(batch), length)
                batch.clear()
                size = 0
        self._send(b"".join(batch), length)

    def _send_iterable(self, result: Iterable[Any]) -> None:
        """Each piece as soon as it is there. A response without a body ends with its head: the rest is
        not asked for."""
        for piece in _iterate(result):
            if type(piece) is not bytes:
                _check_piece(piece)
            if piece and not self._send(piece, None).has_body:
                return

    def _send_file(self, wrapper: FileWrapper) -> None:
        """A file from its position to its end, or to Content-Length if that comes first."""
        found = wrapper.plain_range()
        if found is None:
            self._send_iterable(wrapper)
            return
        file, offset, count = found
        announced = _announced_length(self.headers)
        if announced is not None:
            count = min(count, max(announced, 0))
        if count <= _ONE_WRITE:
            data = file.read(count)
            self._send(data, len(data))
            return
        response = self._send(b"", count)
        if response.has_body:
            self._output.send_file(file, offset, count)
            response.body_from_file(count)

    def _send(self, data: bytes, length: int | None) -> Response:
        """Send a piece of the body; the first with the head. ``length`` of the whole body, if it is known."""
        response = self.response
        head = b""
        if response is None:
            response, head = self._make_head(length)
        try:
            framed = response.body(data)
        except BodyTooLong as error:
            rest = head + error.allowed
            if rest:
                self._output.write(rest)
            raise
        if head:
            if len(framed) > _ONE_WRITE:
                self._output.write(head)
            else:
                framed = head + framed
        if framed:
            self._output.write(framed)
        return response

    def _make_head(self, length: int | None) -> tuple[Response, bytes]:
        if not self.status:
            raise AssertionError("start_response() was not called before the first byte of the body (PEP 3333)")
        reader = self._reader
        response = Response(
            method=reader.method,
            http11=reader.http11,
            keep_alive=reader.keep_alive and self._output.may_keep_alive(),
        )
        try:
            head = response.start_text(self.status, self.headers, length=length)
        except InvalidResponse as error:
            raise (_wrong_header(self.headers) or error) from None  # the message says it all
        self.response = response
        return response, head


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _iterate(result: Any) -> Iterable[Any]:
    """``result`` itself, if it can be an iterable of bytes. Text is an iterable too, but of characters."""
    if isinstance(result, (str, bytes, bytearray, memoryview)) or not (
        hasattr(result, "__iter__") or hasattr(result, "__getitem__")
    ):
        hint = ": put it into a list" if isinstance(result, bytes) else ""
        raise TypeError(f"the application must return an iterable of bytes (PEP 3333), not {_kind(result)}{hint}")
    iterable: Iterable[Any] = result
    return iterable


def _check_piece(piece: Any) -> None:
    if not isinstance(piece, bytes):
        raise TypeError(f"the iterable must give bytes (PEP 3333), not {_kind(piece)}")


def _wrong_header(headers: Any) -> TypeError | None:
    """Name the header that is not what PEP 3333 wants. Only asked where the headers have been refused."""
    for header in headers:
        if not isinstance(header, tuple) or len(header) != 2:
            return TypeError(f"start_response(): header {header!r} must be a (name, value) tuple (PEP 3333)")
        name, value = header
        if not isinstance(name, str):
            return TypeError(f"start_response(): header name {name!r} must be a str (PEP 3333)")
        if not isinstance(value, str):
            return TypeError(
                f"start_response(): header {name!r}: the value must be a str (PEP 3333), not {_kind(value)}"
            )
    return None


def _announced_length(headers: Any) -> int | None:
    """The application's Content-Length, if there is a good one. A bad one, or bad headers, the head
    will refuse."""
    try:
        for name, value in headers:
            if name.lower() == "content-length":
                return int(value)
    except (TypeError, ValueError, AttributeError):
        pass
    return None
