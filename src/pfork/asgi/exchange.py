"""A request and its response, as the access log asks about them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from pfork.asgi.scope import ScopeReader
from pfork.http1 import split_target

Headers = list[tuple[bytes, bytes]]


class ScopeExchange:
    """Implements ``telemetry.Exchange``; made only where there is an access log, and everything in it on demand.

    The request comes from what was received, since an app may change its scope.

    Attributes:
        status: three digits; ``-`` when the client had left before there was a response.
        bytes_sent: bytes of the body that were handed to the connection.
        duration_ns: from the call of the app until the response was written.
    """

    __slots__ = ("_headers", "_reader", "_scope", "bytes_sent", "duration_ns", "status")

    def __init__(
        self,
        reader: ScopeReader,
        scope: dict[str, Any],
        status: str,
        headers: Headers,
        bytes_sent: int,
        duration_ns: int,
    ) -> None:
        self._reader = reader
        self._scope = scope
        self._headers = headers
        self.status = status
        self.bytes_sent = bytes_sent
        self.duration_ns = duration_ns

    @property
    def remote_addr(self) -> str | None:
        """The peer's address; None on a unix socket."""
        client = self._reader.info.client
        return None if client is None else client[0]

    @property
    def method(self) -> str:
        return self._reader.method

    @property
    def target(self) -> str:
        """As sent."""
        return self._reader.target.decode("latin-1")

    @property
    def path(self) -> str:
        """The path of the URL, decoded from percent encoding, as latin-1."""
        return unquote_to_bytes(split_target(self._reader.target)[0]).decode("latin-1")

    @property
    def query(self) -> str:
        return split_target(self._reader.target)[1].decode("latin-1")

    @property
    def protocol(self) -> str:
        return "HTTP/1.1" if self._reader.http11 else "HTTP/1.0"

    def request_header(self, name: str) -> str | None:
        """The value of a header; several are joined by commas (RFC 9110 5.3)."""
        found = _values(self._reader.headers, name)
        return ",".join(found) if found else None

    def response_header(self, name: str) -> str | None:
        """A header of the app's; of several the last."""
        found = _values(self._headers, name)
        return found[-1] if found else None

    def variable(self, name: str) -> str | None:
        """An entry of the scope, as text."""
        value = self._scope.get(name)
        return None if value is None else str(value)


def _values(headers: Headers, name: str) -> list[str]:
    wanted = name.lower().encode("latin-1")
    return [value.decode("latin-1") for key, value in headers if key.lower() == wanted]
