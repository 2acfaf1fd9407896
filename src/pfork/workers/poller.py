"""The one wait of sync and thread workers: epoll, or poll where there is none."""

from __future__ import annotations

import select
from typing import Final, Protocol

# The bits of poll(2); those of epoll are the same.
IN: Final = 0x001
OUT: Final = 0x004

EXCLUSIVE: Final[int] = getattr(select, "EPOLLEXCLUSIVE", 0)
"""Of all that wait for a listener, wake one. 0 where the system does not know it: then all wake, and one is
lucky."""


class Poller(Protocol):
    """What is used of ``select.epoll``."""

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch a descriptor; with no bit, only for errors and hang-ups, which are always watched for."""

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else; not possible with EXCLUSIVE."""

    def unregister(self, fd: int, /) -> None:
        """Watch it no more."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Wait up to ``timeout`` seconds (-1: for ever) for the descriptors that are ready, and what for."""

    def close(self) -> None:
        """Give back what it holds."""


def make_poller() -> Poller:
    """The best there is on this system."""
    return select.epoll() if hasattr(select, "epoll") else _Poll()


class _Poll:
    """``select.poll`` in the shape of epoll. Its cost grows with the connections: macOS and BSD work, not
    more."""

    def __init__(self) -> None:
        self._poll = select.poll()

    def register(self, fd: int, eventmask: int, /) -> None:
        self._poll.register(fd, eventmask)

    def modify(self, fd: int, eventmask: int, /) -> None:
        self._poll.modify(fd, eventmask)

    def unregister(self, fd: int, /) -> None:
        self._poll.unregister(fd)

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        return self._poll.poll(-1 if timeout < 0 else timeout * 1000)

    def close(self) -> None:
        pass
