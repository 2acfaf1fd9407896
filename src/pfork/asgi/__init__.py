"""Floor 3: the ASGI 3.0 gateway. Requests to scopes and messages, messages to responses; no socket in sight."""

from pfork.asgi.contract import ClientDisconnected, InvalidMessage, Transport
from pfork.asgi.gateway import AsgiGateway
from pfork.asgi.http import HttpCycle
from pfork.asgi.lifespan import Lifespan
from pfork.asgi.scope import ScopeReader

__all__ = [
    "AsgiGateway",
    "ClientDisconnected",
    "HttpCycle",
    "InvalidMessage",
    "Lifespan",
    "ScopeReader",
    "Transport",
]
