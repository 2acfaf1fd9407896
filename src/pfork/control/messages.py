"""What the arbiter and a worker say to each other, and how it is written.

One SOCK_SEQPACKET socket pair per worker; one message per packet; JSON. Orders go down and are imperative; reports go
up and are in the past tense. The end of the stream says that the other side is gone. Nothing here touches a socket.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

MAX_MESSAGE = 60_000
"""Bytes. Linux hands a packet over whole up to the socket's send buffer, at least 128 KiB; a traceback fits."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Order: accept no more, answer what is in progress, then exit.

    ``empty_backlog``: this listener closes for good, so what waits in its queue is to be answered too.
    ``deadline_ns``: the monotonic time at which the arbiter will kill the worker.
    """

    deadline_ns: int
    empty_backlog: bool = False


@dataclass(frozen=True, slots=True)
class Quit:
    """Order: exit now; what is in progress is cut."""


@dataclass(frozen=True, slots=True)
class ReopenLogs:
    """Order: reopen the log files (they were rotated)."""


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """Report: the app is loaded and started; the worker accepts connections from now on."""

    kind: str
    interface: str


@dataclass(frozen=True, slots=True)
class BootFailed:
    """Report: the worker cannot start, and exits. ``text`` is for a person: the message or the traceback."""

    step: str
    exit_code: int
    text: str


@dataclass(frozen=True, slots=True)
class RetirementAsked:
    """Report: this worker wants to be replaced (it got a SIGTERM of its own, say), and serves until it is."""

    reason: str


Order = Drain | Quit | ReopenLogs
Report = WorkerReady | BootFailed | RetirementAsked

_TYPES: dict[str, type[Order | Report]] = {
    cls.__name__: cls for cls in (Drain, Quit, ReopenLogs, WorkerReady, BootFailed, RetirementAsked)
}


class MessageError(ValueError):
    """A packet that is not a message."""


def encode(message: Order | Report) -> bytes:
    """A message as one packet. A text too long for a packet loses its beginning: a traceback's end tells most."""
    fields = asdict(message)
    data = _packet(message, fields)
    while len(data) > MAX_MESSAGE and isinstance(message, BootFailed):
        fields["text"] = "...\n" + fields["text"][-len(fields["text"]) // 2 :]
        data = _packet(message, fields)
    return data


def decode(packet: bytes) -> Order | Report:
    """The message of a packet.

    Raises:
        MessageError: it is none. An application that writes to every descriptor must not hurt the arbiter.
    """
    try:
        name, fields = json.loads(packet)
        return _TYPES[name](**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise MessageError(f"not a message: {packet[:80]!r}") from error


def _packet(message: Order | Report, fields: dict[str, object]) -> bytes:
    return json.dumps([type(message).__name__, fields]).encode()
