"""Why an address cannot be listened on, in words: where, what, who, and the remedy."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from pfork.base import BindError
from pfork.config import Address, FdAddress, TcpAddress, UnixAddress

_FIRST_FREE_PORT = 1024  # below, Linux asks for a capability (net.ipv4.ip_unprivileged_port_start)

_WILDCARDS = ("0.0.0.0", "::")


def tcp(address: TcpAddress, error: OSError) -> BindError:
    """What went wrong with a TCP address."""
    match error.errno:
        case errno.EADDRINUSE:
            return _fault(
                address,
                f"the port is in use{_port_holder(address)}",
                "Choose another port, or stop that process.",
            )
        case errno.EACCES | errno.EPERM if 0 < address.port < _FIRST_FREE_PORT:
            return _fault(
                address,
                f"port {address.port} is privileged",
                "Choose a port >= 1024, or give pfork CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities="
                "CAP_NET_BIND_SERVICE), or lower sysctl net.ipv4.ip_unprivileged_port_start.",
            )
        case errno.EADDRNOTAVAIL:
            return _fault(
                address,
                "this machine does not have that address",
                "Choose one that `ip address` lists, or 0.0.0.0 for every interface ([::] with IPv6).",
            )
        case errno.EAFNOSUPPORT:
            return _fault(address, "this machine has no IPv6", "Give an IPv4 address, like 0.0.0.0.")
    return _fault(address, _words(error))


def unresolved(address: TcpAddress, error: OSError | UnicodeError) -> BindError:
    """A name that cannot be looked up: nobody knows it, or it breaks the rules of names."""
    words = _words(error) if isinstance(error, OSError) else "it is not a valid name"
    return _fault(
        address,
        f"the name {address.host!r} cannot be resolved ({words})",
        "Give an IP address, 0.0.0.0 for every interface, or a name that this machine knows.",
    )


def unix(address: UnixAddress, error: OSError) -> BindError:
    """What went wrong with the path of a unix socket."""
    directory = os.path.dirname(address.path) or "."
    match error.errno:
        case errno.EADDRINUSE:
            return _fault(
                address,
                f"the socket is in use{_path_holder(address.path)}",
                "Choose another path, or stop that process.",
            )
        case errno.ENOENT | errno.ENOTDIR:
            what = f"there is no directory {directory}"
            if os.path.exists(directory):
                what = f"{directory} is not a directory"
            return _fault(address, what, "Make it first (systemd: RuntimeDirectory=), or choose another path.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            what = f"{_user()} may not create a file in {directory}"
            if error.errno == errno.EROFS:
                what = f"{directory} is on a read-only file system"
            return _fault(
                address,
                what,
                "Change the directory's owner or mode (systemd: RuntimeDirectory=), or choose another path.",
            )
        case None:  # Python itself refuses a path that does not fit into sun_path
            return _fault(
                address,
                f"the path is too long ({len(os.fsencode(address.path))} bytes; the system takes about 100)",
                "Choose a path in a shorter directory, like /run.",
            )
    return _fault(address, _words(error))


def not_a_socket(address: UnixAddress, mode: int) -> BindError:
    """Something else than a socket is in the way."""
    kinds = ((stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "symbolic link"))
    kind = next((name for is_kind, name in kinds if is_kind(mode)), "special file")
    return _fault(
        address,
        f"the path is a {kind}, not a socket",
        "Choose another path, or remove it: pfork replaces only sockets that nobody answers.",
    )


def not_ours_to_ask(address: UnixAddress) -> BindError:
    """A socket whose mode does not even let us ask whether somebody listens."""
    return _fault(
        address,
        f"there is a socket that {_user()} may not connect to, so it cannot be known whether it is in use"
        f"{_path_holder(address.path)}",
        "Remove it if its server is gone, or choose another path.",
    )


def descriptor(address: FdAddress, error: OSError) -> BindError:
    """A number that is no open socket."""
    match error.errno:
        case errno.EBADF:
            what = f"descriptor {address.fd} is not open"
        case errno.ENOTSOCK:
            what = f"descriptor {address.fd} is not a socket"
        case _:
            what = _words(error)
    return _fault(address, what, _DESCRIPTOR_HINT)


def not_a_listener(address: FdAddress, what: str) -> BindError:
    """A socket that no connection can be accepted from."""
    return _fault(address, f"descriptor {address.fd} is {what}", _DESCRIPTOR_HINT)


_DESCRIPTOR_HINT = (
    "It must be a listening stream socket that was passed down by the parent process; "
    "systemd's begin at 3 (ListenStream= in the socket unit, Accept=no)."
)


def _fault(address: Address, what: str, hint: str = "") -> BindError:
    return BindError(f"cannot listen on {address}: {what}", hint=hint)


def _words(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def _user() -> str:
    return f"user {os.geteuid()}"


# Who holds an address. psutil is loaded here and only when something is wrong: it is not needed to serve.


def _port_holder(address: TcpAddress) -> str:
    import psutil

    try:
        rows = [(row.laddr, row.status, row.pid) for row in psutil.net_connections("tcp")]
    except (psutil.Error, OSError, RuntimeError):
        return ""
    # Each rule narrows the choice if it leaves any: the port, the address, a listener.
    there = [(name[0], status, pid) for name, status, pid in rows if name and name[1] == address.port]
    there = [row for row in there if row[0] in _WILDCARDS or address.host in (*_WILDCARDS, row[0])] or there
    there = [row for row in there if row[1] == psutil.CONN_LISTEN] or there
    return _held_by(pid for _, _, pid in there)


def _path_holder(path: str) -> str:
    import psutil

    names = (path, os.path.abspath(path))
    try:
        rows = psutil.net_connections("unix")
    except (psutil.Error, OSError, RuntimeError):
        return ""
    return _held_by(row.pid for row in rows if str(row.laddr) in names)


def _held_by(pids: Iterable[int | None]) -> str:
    """Of several processes that share a socket, the lowest number is in all likelihood the parent."""
    import psutil

    pid = min((pid for pid in pids if pid), default=None)
    if pid is None:
        return ""
    if pid == os.getpid():
        return ", held by this process: another address covers it"
    try:
        return f", held by {psutil.Process(pid).name()} (pid {pid})"
    except (psutil.Error, OSError):
        return f", held by pid {pid}"
