"""Opens the listeners of a configuration: all of them, or none."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import sys
from collections.abc import Collection
from typing import Any

from pfork.base import BindError
from pfork.config import Address, BindSettings, FdAddress, TcpAddress, UnixAddress
from pfork.sockets import faults
from pfork.sockets.listener import FileId, Listener

_log = logging.getLogger("pfork.error")

DEFER_ACCEPT_S = 3
"""Seconds for which the kernel keeps a TCP connection back until its first byte comes (TCP_DEFER_ACCEPT).

A worker that accepts can then read at once, and a client that connects and says nothing - a browser that
connects ahead, a port scan - costs a half-open entry in the kernel, no descriptor and no turn of a worker.
Linux counts in repeated SYN-ACKs, so the value means 1, 3, 7 or 15 s. When they are spent, the client's next
ACK makes an ordinary connection: it is accepted, silent, and meets ``header_timeout``. So a short time loses
nothing, and a silent client stays for at most this plus ``header_timeout``; a long time would let silent
clients fill the queue of half-open connections, which is as long as the backlog.
"""

_PROBE_REFUSED = (ConnectionRefusedError, FileNotFoundError)


def open_all(settings: BindSettings, *, only: Collection[Address] | None = None) -> tuple[Listener, ...]:
    """The listeners of the settings, in their order. An address given twice is one listener.

    With ``only``, those of them that are not open yet: a reload keeps the others.

    Names are looked up here, once. A name is one listener, at its first IPv4 address if it has one, as with
    Gunicorn.

    Raises:
        BindError: with a line for each address that cannot be listened on; none is left open then.
    """
    opened: list[Listener] = []
    failed: list[BindError] = []
    for address in dict.fromkeys(settings.bind):
        if only is not None and address not in only:
            continue
        try:
            opened.append(_open(address, settings))
        except BindError as error:
            failed.append(error)
    if not failed:
        return tuple(opened)
    for listener in opened:
        listener.close(unlink=True)
    if len(failed) == 1:
        raise failed[0]
    raise BindError("\n".join(error.render() for error in failed))


def _open(address: Address, settings: BindSettings) -> Listener:
    match address:
        case TcpAddress():
            return _open_tcp(address, settings)
        case UnixAddress():
            return _open_unix(address, settings)
        case FdAddress():
            return _adopt(address)


def _open_tcp(address: TcpAddress, settings: BindSettings) -> Listener:
    family, target = _resolve(address)
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise faults.tcp(address, error) from error
    try:
        # Connections of an earlier run may still be in TIME_WAIT on this port. Two listeners stay impossible.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.host == "::":
            _set_v6only(sock, _has_ipv4_beside(address, settings))
        sock.bind(target)
        _tune_tcp(sock)
        sock.setblocking(False)
        sock.listen(settings.backlog)
    except OSError as error:
        sock.close()
        raise faults.tcp(address, error) from error
    return Listener(address, sock)


def _resolve(address: TcpAddress) -> tuple[socket.AddressFamily, Any]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: two dots in a row, or a part of over 63 bytes
        raise faults.unresolved(address, error) from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)  # stable: else as the system's rules order them
    return found[0][0], found[0][4]


def _has_ipv4_beside(address: TcpAddress, settings: BindSettings) -> bool:
    return address.port != 0 and any(
        isinstance(other, TcpAddress) and other.port == address.port and ":" not in other.host
        for other in settings.bind
    )


def _set_v6only(sock: socket.socket, only: bool) -> None:
    """[::] takes IPv4 too, as with Gunicorn on Linux, unless an IPv4 address of its port is given as well.

    Said explicitly, so that it does not hang on net.ipv6.bindv6only.
    """
    try:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only))
    except OSError:
        pass  # OpenBSD knows IPv6 alone


def _tune_tcp(sock: socket.socket) -> None:
    """Options that the accepted connections inherit, which saves a system call for each of them.

    Nagle's delay would hold back the end of a response that is sent in several pieces.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        # A socket manager may have chosen a time of its own (systemd's DeferAcceptSec).
        if not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_ACCEPT_S)


def _open_unix(address: UnixAddress, settings: BindSettings) -> Listener:
    path = os.path.abspath(address.path)  # for the day it is removed: the directory may be another one then
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _bind_unix(sock, address.path, settings.umask)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            _remove_stale(address)
            _bind_unix(sock, address.path, settings.umask)
        found = os.lstat(path)
        sock.setblocking(False)
        sock.listen(settings.backlog)
    except OSError as error:
        sock.close()
        raise faults.unix(address, error) from error
    except BindError:
        sock.close()
        raise
    return Listener(address, sock, file=FileId(path, found.st_dev, found.st_ino))


def _bind_unix(sock: socket.socket, path: str, umask: int) -> None:
    """The mask holds while the file is made, so that at no moment it has other rights than it shall have."""
    before = os.umask(umask)
    try:
        sock.bind(path)
    finally:
        os.umask(before)


def _remove_stale(address: UnixAddress) -> None:
    """Remove a socket file that nobody answers.

    Two programs may come to this at once. The slower one sees that the file has changed meanwhile, leaves it
    alone, and fails to bind.
    """
    path = address.path
    try:
        found = os.lstat(path)
        if not stat.S_ISSOCK(found.st_mode):
            raise faults.not_a_socket(address, found.st_mode)
        if _is_answered(address):
            raise faults.unix(address, OSError(errno.EADDRINUSE, "in use"))
        again = os.lstat(path)
        if (found.st_ino, found.st_dev, found.st_ctime_ns) == (again.st_ino, again.st_dev, again.st_ctime_ns):
            os.unlink(path)
            _log.info("%s: removed the socket file of a server that is gone", address)
    except FileNotFoundError:
        pass  # somebody else removed it


def _is_answered(address: UnixAddress) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog must not keep us waiting
        try:
            probe.connect(address.path)
        except _PROBE_REFUSED:
            return False
        except PermissionError as error:
            raise faults.not_ours_to_ask(address) from error
        except OSError:
            return True  # a full backlog, or a socket of another type: somebody is there
        return True


def _adopt(address: FdAddress) -> Listener:
    """Take over a listening socket that was passed down, by systemd for instance.

    Its backlog and, on a unix socket, its file stay whoever's made them.
    """
    try:
        sock = socket.socket(fileno=address.fd)
    except OSError as error:
        raise faults.descriptor(address, error) from error
    try:
        reason = _why_not_a_listener(sock)
        if reason:
            raise faults.not_a_listener(address, reason)
        sock.set_inheritable(False)
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            _tune_tcp(sock)
        return Listener(address, sock)
    except OSError as error:
        sock.detach()
        raise faults.descriptor(address, error) from error
    except BindError:
        sock.detach()  # what is no listener is not ours to close
        raise


def _why_not_a_listener(sock: socket.socket) -> str:
    if sock.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        return "a socket that is neither TCP nor unix"
    if sock.type != socket.SOCK_STREAM:
        return "a datagram socket"
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "a socket that does not listen"
    return ""
