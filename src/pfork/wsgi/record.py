"""One request and its response, as the access log asks about them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from pfork.http1 import split_target
from pfork.wsgi.environ import environ_key

if TYPE_CHECKING:
    from pfork.wsgi.environ import EnvironReader
    from pfork.wsgi.reply import Reply

_key = lru_cache(maxsize=64)(environ_key)  # the names are those of the log's format: few, and always the same


class WsgiExchange:
    """Implements ``telemetry.Exchange``; made only where there is an access log, and everything in it
    on demand.

    The request line comes from the bytes received, since an application may change its environ (a
    dispatcher moves part of PATH_INFO); headers come from the environ as the application left it.

    Attributes:
        duration_ns: from just before the application was called until it had closed its iterable.
    """

    __slots__ = ("_reader", "_reply", "duration_ns")

    def __init__(self, reader: EnvironReader, reply: Reply, duration_ns: int) -> None:
        self._reader = reader
        self._reply = reply
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
        """The whole path of the URL, decoded from percent encoding, in latin-1 as in an environ."""
        return unquote_to_bytes(split_target(self._reader.target)[0]).decode("latin-1")

    @property
    def query(self) -> str:
        return split_target(self._reader.target)[1].decode("latin-1")

    @property
    def protocol(self) -> str:
        return "HTTP/1.1" if self._reader.http11 else "HTTP/1.0"

    @property
    def status(self) -> str:
        """Three digits; ``-`` when the client had left before there was a response."""
        return self._reply.status[:3] or "-"

    @property
    def bytes_sent(self) -> int:
        """Bytes of the body that were handed to the connection."""
        response = self._reply.response
        return 0 if response is None else response.body_sent

    def request_header(self, name: str) -> str | None:
        return self.variable(_key(name))

    def response_header(self, name: str) -> str | None:
        """A header of the application's; of several the last."""
        wanted = name.lower()
        found = None
        for header, value in self._reply.headers:
            if header.lower() == wanted:
                found = value
        return found

    def variable(self, name: str) -> str | None:
        """A key of the environ."""
        value = self._reader.environ.get(name)
        return None if value is None else str(value)
