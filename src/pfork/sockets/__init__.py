"""Floor 2: listening sockets. Opened once by the arbiter, shared by all workers."""

from pfork.sockets.listener import ConnectionInfo, Listener
from pfork.sockets.opening import open_all

__all__ = ["ConnectionInfo", "Listener", "open_all"]
