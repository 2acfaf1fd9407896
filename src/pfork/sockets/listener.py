"""A listening socket, and what is known of the connections it gives."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import NamedTuple

from pfork.config import Address, FdAddress

_PASSING = frozenset(
    number
    for name in (
        "EAGAIN",  # another worker was quicker
        "ECONNABORTED",  # the client was gone before it was accepted
        "EPERM",  # a firewall rule forbids it
        # Errors of the new connection, which Linux hands to accept(): "for reliable operation the application
        # should detect [them] and treat them like EAGAIN" (man 2 accept).
        "ENETDOWN",
        "EPROTO",
        "ENOPROTOOPT",
        "EHOSTDOWN",
        "ENONET",
        "EHOSTUNREACH",
        "EOPNOTSUPP",
        "ENETUNREACH",
    )
    if (number := getattr(errno, name, None)) is not None
)

# "The least TTL that is let in". Not in Python's socket module: linux/in.h and linux/in6.h.
_IP_MINTTL = (socket.IPPROTO_IP, 21)
_IPV6_MINHOPCOUNT = (socket.IPPROTO_IPV6, 73)
_GATES = {
    socket.AF_INET: (_IP_MINTTL,),
    socket.AF_INET6: (_IPV6_MINHOPCOUNT, _IP_MINTTL),  # the second for IPv4 clients of an IPv6 listener
}
_NOBODY = 255
"""No packet that came through a network has this TTL: systems send with 64 or 128, and each router takes one."""

GATE_S = 0.3
"""Seconds from the gate to the close of a listener: a client that was let in sends its request meanwhile, since
TCP_DEFER_ACCEPT keeps connections without one from the queue, where a close would reset them."""

_MAPPED = "::ffff:"  # RFC 4291 2.5.5.2: an IPv4 client of an IPv6 socket


class ConnectionInfo(NamedTuple):
    """What a gateway may know of a connection. A tuple, which costs half of a frozen dataclass to make.

    ``server`` is the listener's address: host and port, or the path of a unix socket and None.
    ``client`` is the peer's host and port; None on a unix socket, where a peer has neither.
    """

    scheme: str
    server: tuple[str, int | None]
    client: tuple[str, int] | None


class FileId(NamedTuple):
    """The file that a unix socket is reached by; a path alone may have become somebody else's."""

    path: str
    device: int
    inode: int


class Listener:
    """A listening socket: non-blocking, closed on exec. All processes that hold it may accept from it."""

    def __init__(self, address: Address, sock: socket.socket, *, file: FileId | None = None) -> None:
        """``file`` is the socket file that was made for it, and that ``close`` may therefore remove."""
        self.address = address
        self.sock = sock
        self.is_unix = sock.family == socket.AF_UNIX
        self._file = file
        name = sock.getsockname()
        if self.is_unix:
            self._server: tuple[str, int | None] = (_path(name), None)
        else:
            self._server = (name[0], name[1])
        self._unix_info = ConnectionInfo("http", self._server, None) if self.is_unix else None
        # An adopted socket may be somebody else's too, who goes on with it.
        can_gate = sys.platform == "linux" and not isinstance(address, FdAddress)
        options = _GATES.get(sock.family, ()) if can_gate else ()
        self._gates = tuple(option for option in options if _knows(sock, option))

    def fileno(self) -> int:
        """The descriptor, so that a selector takes the listener as it is."""
        return self.sock.fileno()

    def accept(self) -> tuple[socket.socket, ConnectionInfo] | None:
        """A connection, if there is one: non-blocking, closed on exec; on TCP without Nagle's delay.

        An IPv4 client of an IPv6 listener is named by its IPv4 address, as logs and allow lists have it.

        Raises:
            OSError: EMFILE, ENFILE, ENOBUFS or ENOMEM; the connection stays in the queue. The listener is
                still readable, so the caller must not watch it until it has closed a connection, or it spins.
        """
        try:
            connection, peer = self.sock.accept()
        except OSError as error:
            if error.errno in _PASSING:
                return None
            raise
        connection.setblocking(False)
        if self._unix_info is not None:
            return connection, self._unix_info
        for level, option in self._gates:
            if connection.getsockopt(level, option):  # inherited from a gated listener
                connection.setsockopt(level, option, 0)
        host: str = peer[0]
        if host.startswith(_MAPPED) and "." in host:
            host = host[len(_MAPPED) :]
        return connection, ConnectionInfo("http", self._server, (host, peer[1]))

    def gate(self) -> bool:
        """Let no new client in, in no process; those that are in, or in the queue, are not touched.

        Closing a listener resets what is still on its way into the queue. So before the last close: gate, wait
        GATE_S, empty the queue. The kernel then ignores a new client's SYN, and answers its second, a second later,
        with a refusal (or another server does, that has taken over the address): nothing has been sent yet, so
        nothing is lost. A unix socket's file is removed instead.

        Returns:
            Whether GATE_S is worth waiting for.
        """
        if self.is_unix:
            self._unlink()
        for level, option in self._gates:
            self.sock.setsockopt(level, option, _NOBODY)
        return bool(self._gates)

    def close(self, *, unlink: bool) -> None:
        """Close this process's hold on it; with ``unlink``, remove the unix socket file that was made for it."""
        if unlink:
            self._unlink()
        self.sock.close()

    def _unlink(self) -> None:
        """Remove the socket's file, if it is still the one that was made: while the socket is open, nobody else's file
        can have got its inode number."""
        if self._file is not None:
            path, device, inode = self._file
            self._file = None
            try:
                found = os.lstat(path)
                if (found.st_dev, found.st_ino) == (device, inode):
                    os.unlink(path)
            except OSError:
                pass  # already gone, or no longer ours to remove: the next start replaces a stale file

    def __str__(self) -> str:
        host, port = self._server
        if port is None:
            return f"unix:{host}"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def __repr__(self) -> str:
        return f"<Listener {self}>"


def _knows(sock: socket.socket, option: tuple[int, int]) -> bool:
    """Whether the kernel has an option: sandboxes that speak Linux do not have all of them."""
    try:
        sock.getsockopt(*option)
    except OSError:
        return False
    return True


def _path(name: str | bytes) -> str:
    """The name of a unix socket; an abstract one, which begins with a NUL, as people write it: with an @."""
    return name if isinstance(name, str) else os.fsdecode(name).replace("\0", "@", 1)
