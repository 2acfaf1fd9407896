"""Settings of the listeners."""

from __future__ import annotations

from dataclasses import dataclass

from pfork.config.addresses import Address, TcpAddress
from pfork.config.checks import at_least
from pfork.config.kinds import Refusal, addresses, integer, mask
from pfork.config.row import setting


def _port(text: str) -> tuple[Address, ...]:
    """$PORT is how platforms say where they send requests to. They come from outside: every interface."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= 65535):
        raise Refusal("must be a port from 0 to 65535")
    return (TcpAddress("0.0.0.0", int(text)),)


@dataclass(frozen=True, slots=True)
class BindSettings:
    """Where the arbiter listens."""

    bind: tuple[Address, ...] = setting(
        (TcpAddress("127.0.0.1", 8000),),
        addresses,
        flags=("-b", "--bind"),
        metavar="ADDRESS",
        standard=("PORT", _port),
        repeats=True,
        help="Where to listen: HOST:PORT, unix:PATH or fd://N; there can be several.",
    )
    backlog: int = setting(
        2048,  # Gunicorn's; the kernel cuts it down to net.core.somaxconn
        integer,
        flags=("--backlog",),
        metavar="N",
        unit="connections",
        applies="restart",
        check=at_least(1, 2**31 - 1),  # a C int for listen(2)
        help="Connections that may wait to be accepted.",
    )
    umask: int = setting(
        0,  # Gunicorn's: a unix socket is open to a proxy that runs as another user
        mask,
        flags=("-m", "--umask"),
        metavar="MASK",
        applies="restart",
        help="File mode mask of unix sockets and of files the app writes, in octal.",
    )
