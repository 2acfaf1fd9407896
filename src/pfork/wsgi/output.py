"""The connection as the gateway sees it, and the two ways it can end early. No socket in sight."""

from __future__ import annotations

from typing import IO, Protocol


class ClientGone(ConnectionError):
    """The client has left: nothing that is written reaches it any more. Raised by an ``Output``.

    It passes through the application when the application itself called ``write()``; being an OSError
    there, it is met by the same handlers as a broken pipe.
    """


class AbortConnection(Exception):
    """The response broke after its head had gone out: cut the connection.

    What was written may still be sent, but nothing may follow it, so that the client sees an incomplete
    response: fewer bytes than Content-Length says, or no last chunk. Where the body ends with the
    connection (HTTP/1.0 without a length) only a reset tells the client. The reason has been logged
    already.
    """


class Output(Protocol):
    """Where the gateway writes a response; a worker implements it over its connection.

    Whoever has raised ClientGone raises it again for whatever else is written, and closes the connection
    whatever ``run`` returns.
    """

    def write(self, data: bytes) -> None:
        """Send the bytes or buffer them; may wait until the client has read enough.

        Raises:
            ClientGone: the client has left.
        """

    def send_file(self, file: IO[bytes], offset: int, count: int) -> None:
        """Send ``count`` bytes of a regular file from ``offset``, after all that was written before.

        ``file`` has a real ``fileno()`` and at least ``offset + count`` bytes at the time of the call.
        The application may close it as soon as this returns: whoever sends later keeps a duplicate of
        the descriptor. A file that has shrunk meanwhile ends the connection as AbortConnection would.

        Raises:
            ClientGone: the client has left.
            OSError: the file cannot be read.
        """

    def may_keep_alive(self) -> bool:
        """Whether the worker wants to keep the connection after this response; asked once, for the head."""
