"""Floor 2: listening sockets. Opened once by the arbiter, shared by all workers."""

from pfork.sockets.listener import GATE_S, ConnectionInfo, Listener
from pfork.sockets.opening import open_all

__all__ = ["GATE_S", "ConnectionInfo", "Listener", "open_all"]
