"""From a request to its scope: a copy of the connection's template, with what the request adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from pfork.http1 import FieldCache, RequestReader, split_target

if TYPE_CHECKING:
    from pfork.config import HttpSettings
    from pfork.sockets import ConnectionInfo

SPEC_VERSION = "2.4"
"""Of the ASGI HTTP specification. 2.4 promises that ``send`` raises an OSError once the client has left;
frameworks then stop watching ``receive`` beside each streamed response. What 2.5 adds concerns WebSockets
alone."""

_PERCENT = ord("%")  # as a number: to look for a byte by another bytes object takes ten times as long

Header = tuple[bytes, bytes]


def make_header(name: bytes, value: bytes) -> Header:
    """A header as a scope has it (ASGI HTTP: "Header names should be lowercased"). Not to be changed: it is shared."""
    return name.lower(), value


class ScopeReader(RequestReader):
    """The request reader of one connection; ``scope()`` is the ASGI scope of the request it has read.

    ASGI HTTP, "HTTP Connection Scope". Header names are lower case, values are as sent, in order.
    """

    __slots__ = (
        "_extensions",
        "_raw_root_path",
        "_root_path",
        "_state",
        "_template",
        "headers",
        "info",
    )

    def __init__(
        self,
        limits: HttpSettings,
        fields: FieldCache[Header],
        info: ConnectionInfo,
        *,
        root_path: str,
        state: dict[str, Any],
        extensions: dict[str, Any],
    ) -> None:
        """``state`` and ``extensions`` are copied for each request, as they are then."""
        super().__init__(limits, fields)
        self.info = info
        self._root_path = root_path
        self._raw_root_path = root_path.encode()
        self._state = state
        self._extensions = extensions
        # It holds every key that scope() sets: then the dictionary has its size from the start.
        self._template: dict[str, Any] = {
            "type": "http",
            "asgi": None,
            "http_version": "1.1",
            "method": "",
            "scheme": info.scheme,
            "path": "",
            "raw_path": b"",
            "query_string": b"",
            "root_path": root_path,
            "headers": None,
            "client": info.client,
            "server": info.server,
            "state": None,
            "extensions": None,
        }
        self.headers: list[Header] = []

    def take_fields(self, fields: list[Header]) -> None:
        """See RequestReader."""
        self.headers = fields

    def scope(self) -> dict[str, Any]:
        """A fresh scope. What is in it may be changed by the app without hurting another request.

        ``path`` includes ``root_path``, and ``raw_path`` does as well (as with uvicorn, though the text of
        the specification leaves it as received): so it stays true that ``path`` is ``raw_path`` decoded.
        """
        raw_path, query = split_target(self.target)
        encoded = unquote_to_bytes(raw_path) if _PERCENT in raw_path else raw_path
        try:
            path = encoded.decode()
        except UnicodeDecodeError:
            path = encoded.decode("utf-8", "replace")
        if self._root_path and path != "*":  # which is the server itself (RFC 9110 7.1)
            path = self._root_path + path
            raw_path = self._raw_root_path + raw_path
        scope = self._template.copy()
        if not self.http11:
            scope["http_version"] = "1.0"
        scope["method"] = self.method
        scope["path"] = path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        scope["headers"] = self.headers
        scope["asgi"] = {"version": "3.0", "spec_version": SPEC_VERSION}
        scope["state"] = self._state.copy()
        scope["extensions"] = self._extensions.copy()
        return scope
