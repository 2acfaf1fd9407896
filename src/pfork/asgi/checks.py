"""What the app's messages hold, checked. Anything wrong raises InvalidMessage into the app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pfork.asgi.contract import InvalidMessage, Message
from pfork.http1 import status_bytes

Head = tuple[bytes, list[tuple[bytes, bytes]]]

_statuses: Final[dict[Any, bytes]] = {code: status_bytes(code) for code in range(200, 600)}


def read_start(message: Message) -> Head:
    """Status and headers of ``http.response.start`` (ASGI HTTP, "Response Start - send event").

    The headers are copied: the app may change its list before the head goes out. What is in them is checked
    when the head is made.
    """
    status = message.get("status")
    line = _statuses.get(status) if isinstance(status, int) else None
    if line is None:
        line = _unusual_status(status)
    headers = message.get("headers", ())
    if type(headers) is list:
        return line, headers.copy()
    if isinstance(headers, (str, bytes, dict)) or not isinstance(headers, Iterable):
        raise InvalidMessage(
            f"http.response.start: headers must be an iterable of pairs of bytes, not {type(headers).__name__}"
        )
    return line, list(headers)


def read_body(body: object) -> bytes:
    """The body of ``http.response.body`` where it is not bytes: what holds bytes is taken, a str is refused."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise InvalidMessage(f"http.response.body: body must be bytes, not {type(body).__name__}")


def _unusual_status(status: object) -> bytes:
    if isinstance(status, int) and 600 <= status <= 999:
        return status_bytes(status)
    if isinstance(status, int):
        raise InvalidMessage(f"http.response.start: status {status!r}: must be 200 to 999")
    raise InvalidMessage(f"http.response.start: status must be an int, not {type(status).__name__}")
