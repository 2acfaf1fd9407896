"""Where pfork listens: the address types and how they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_PORT = 8000
"""Gunicorn's port for an address that names none."""

MAX_UNIX_PATH = 107
"""Bytes. ``sun_path`` has 108 on Linux, and one of them ends the path (man 7 unix)."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host (name, IPv4 or IPv6 without brackets) and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a unix socket."""

    path: str

    def __str__(self) -> str:
        # Of "unix://", the slashes are not the path's.
        return f"unix://{self.path}" if self.path.startswith("//") else f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class FdAddress:
    """A listening socket that was inherited under this descriptor number."""

    fd: int

    def __str__(self) -> str:
        return f"fd://{self.fd}"


Address = TcpAddress | UnixAddress | FdAddress


class AddressError(ValueError):
    """A text that is no address. ``str()`` is the rule it breaks, as words that follow the text."""


def parse_address(text: str) -> Address:
    """The address written as HOST:PORT, :PORT, HOST, [IPV6]:PORT, tcp://..., unix:PATH, unix:///PATH or fd://N.

    Gunicorn's spellings: ``:PORT`` is every IPv4 interface, a missing port is 8000.

    Raises:
        AddressError: it is none of these.
    """
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    match scheme.lower():
        case "unix" if colon:
            return _unix(rest.removeprefix("//"))
        case "fd" if rest.startswith("//"):
            return _fd(rest.removeprefix("//"))
        case "tcp" if rest.startswith("//"):
            return _tcp(rest.removeprefix("//"))
        case "http" | "https" if rest.startswith("//"):
            raise AddressError(f"must be HOST:PORT, without {scheme}://")
    if "://" in text:
        raise AddressError("must be HOST:PORT, unix:PATH or fd://N")
    return _tcp(text)


def _unix(path: str) -> UnixAddress:
    if not path:
        raise AddressError("must name a path, like unix:/run/pfork.sock")
    if "\0" in path:
        raise AddressError("must not hold a NUL")
    if len(path.encode()) > MAX_UNIX_PATH:
        raise AddressError(f"must be a path of at most {MAX_UNIX_PATH} bytes; choose a shorter directory")
    return UnixAddress(path)


def _fd(number: str) -> FdAddress:
    if not _is_number(number):
        raise AddressError("must name a descriptor number, like fd://3")
    return FdAddress(int(number))


def _tcp(text: str) -> TcpAddress:
    if not text:
        raise AddressError("must be HOST:PORT, like 127.0.0.1:8000")
    if text.startswith("["):
        return _ipv6(text)
    if _is_number(text):
        raise AddressError(f"must be HOST:PORT; did you mean :{text}?")
    if text.count(":") > 1:
        raise AddressError("must have an IPv6 host in brackets, like [::1]:8000")
    host, colon, port = text.partition(":")
    if host == "*" or re.search(r"[\s/]", host):
        raise AddressError("must begin with a host, like 127.0.0.1:8000, or 0.0.0.0:8000 for every interface")
    return TcpAddress(host or "0.0.0.0", _port(port) if colon else DEFAULT_PORT)


def _ipv6(text: str) -> TcpAddress:
    host, bracket, rest = text[1:].partition("]")
    if not bracket or ":" not in host or (rest and not rest.startswith(":")):
        raise AddressError("must be an IPv6 host in brackets and a port, like [::1]:8000")
    return TcpAddress(host, _port(rest[1:]) if rest else DEFAULT_PORT)


def _port(text: str) -> int:
    if not _is_number(text) or int(text) > 65535:
        raise AddressError("must end in a port from 0 to 65535, like 127.0.0.1:8000")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
