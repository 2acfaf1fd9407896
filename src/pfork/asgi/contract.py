"""What the gateway and its two neighbours agree on: the app's side (ASGI 3.0) and the worker's side (Transport)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pfork.asgi.http import HttpCycle

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[object]]


class ClientDisconnected(ConnectionError):
    """The client has left: nothing that is sent reaches it any more.

    Raised into the app by ``send`` (ASGI HTTP 2.4, "Disconnected Client - send exception": a server-specific OSError).
    """


class InvalidMessage(RuntimeError):
    """The app sent a message that ASGI does not allow at this point or in this form. Raised into the app."""


class Transport(Protocol):
    """The client's connection as one request sees it; a worker implements it. Only one call waits."""

    write: Callable[[bytes], None]
    """Send the bytes or buffer them. One call is one system call: whole responses are written at once."""

    is_writable: bool
    """Whether the bytes waiting to be sent are few; the gateway waits while they are many."""

    def write_parts(self, head: bytes, body: bytes) -> None:
        """Send both, without copying them together where that can be avoided."""

    async def wait_writable(self) -> None:
        """Return when the client has read enough, or has left."""

    def pause_reading(self) -> None:
        """Read no more of the body: the app does not keep up."""

    def resume_reading(self) -> None:
        """Read on, if reading was paused."""

    def want_body(self) -> None:
        """The app waits for more of the body: read on. A client that sends nothing now will be too slow some day."""

    def may_keep_alive(self) -> bool:
        """Whether the worker wants to keep the connection after this response; asked once, for the head."""

    def response_ended(self, keep_alive: bool) -> None:
        """The whole response was written; the app may still be running."""

    def response_broke(self, reset: bool) -> None:
        """The response cannot be completed: send what was written, and nothing more.

        ``reset``: the end of the connection would look like the end of the body; only a reset tells the client.
        """

    request_ended: Callable[[HttpCycle], None]
    """The app has returned. Called once for each cycle, at its very end."""
