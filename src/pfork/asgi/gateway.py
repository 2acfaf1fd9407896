"""The app of a worker, as the connections of the worker see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pfork.asgi.contract import Application, Transport
from pfork.asgi.http import HttpCycle
from pfork.asgi.scope import ScopeReader, make_header
from pfork.http1 import FieldCache

if TYPE_CHECKING:
    from pfork.config import HttpSettings
    from pfork.sockets import ConnectionInfo
    from pfork.telemetry import AccessLog


class AsgiGateway:
    """Makes the reader of a connection, and the cycle of each request that the reader has read.

    ``cycle(reader, transport, body, started_ns)`` is the request whose head ``reader`` has read; see HttpCycle.
    """

    def __init__(
        self,
        app: Application,
        *,
        http: HttpSettings,
        access_log: AccessLog | None,
        root_path: str = "",
        state: dict[str, Any] | None = None,
        extensions: dict[str, Any] | None = None,
    ) -> None:
        """``state``: the lifespan's; ``extensions``: what each scope has under that name. Each request gets copies."""
        self.cycle: Callable[[ScopeReader, Transport, bytes, int], HttpCycle]
        self.cycle = partial(HttpCycle, app, access_log)
        self._http = http
        self._fields = FieldCache(make_header)
        self._root_path = root_path
        self._state = {} if state is None else state
        self._extensions = {} if extensions is None else extensions

    def reader(self, info: ConnectionInfo) -> ScopeReader:
        """The request reader of a new connection."""
        return ScopeReader(
            self._http,
            self._fields,
            info,
            root_path=self._root_path,
            state=self._state,
            extensions=self._extensions,
        )
