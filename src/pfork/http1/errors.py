"""What can be wrong: with a request (the client's fault) or with a response (the application's fault)."""

from __future__ import annotations


class ProtocolError(Exception):
    """The client's bytes are refused. Answer with ``status`` and close: where the next begins is unknown.

    Attributes:
        status: 400, 413, 414, 417, 431, 501 or 505; workers also use 408 for their deadlines.
        reason: the broken rule, in a few words. It holds no byte of the client, so it may be sent and logged.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


class InvalidResponse(ValueError):
    """A status, header or body of the application cannot be sent. The message says what, and which rule."""


class BodyTooLong(InvalidResponse):
    """The application sent more body bytes than its Content-Length announced.

    Attributes:
        allowed: the bytes up to the announced length. Send them: then the client has a whole response.
    """

    def __init__(self, message: str, allowed: bytes = b"") -> None:
        super().__init__(message)
        self.allowed = allowed


class BodyTooShort(InvalidResponse):
    """The application's body ended before the announced length. Cut the connection: the client must know."""
