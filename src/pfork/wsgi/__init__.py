"""Floor 3: the WSGI gateway (PEP 3333). It holds no socket: a worker brings requests in and carries
responses out."""

from pfork.wsgi.environ import EnvironReader
from pfork.wsgi.gateway import WsgiGateway
from pfork.wsgi.output import AbortConnection, ClientGone, Output

__all__ = ["AbortConnection", "ClientGone", "EnvironReader", "Output", "WsgiGateway"]
