"""Feeding a reader: bytes in whatever pieces, and what comes of them as one value that can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pfork.config import HttpSettings
from pfork.http1 import FieldCache, ProtocolError, RequestReader

from .cases import Parsed

LIMITS = HttpSettings()


class ListReader(RequestReader):
    """The smallest gateway: it lists the headers, as an ASGI scope does."""

    def __init__(self, limits: HttpSettings = LIMITS, fields: FieldCache[tuple[bytes, bytes]] | None = None) -> None:
        super().__init__(limits, fields or FieldCache(lambda name, value: (name.lower(), value)))
        self.headers: list[tuple[bytes, bytes]] = []

    def take_fields(self, fields: list[tuple[bytes, bytes]]) -> None:
        self.headers = fields


def read(pieces: Iterable[bytes], limits: HttpSettings = LIMITS) -> list[Parsed]:
    """The requests in the pieces. Bytes behind the last whole request are forgotten.

    Raises:
        ProtocolError: they are refused.
    """
    reader = ListReader(limits)
    requests: list[Parsed] = []
    body: list[bytes] = []
    for piece in pieces:
        if reader.head_done:
            body.append(reader.receive_body(piece))
        elif reader.receive(piece):
            body = [reader.receive_body()]
        while reader.head_done and reader.body_done:
            requests.append(snapshot(reader, b"".join(body)))
            if reader.next_request():
                body = [reader.receive_body()]
    return requests


def snapshot(reader: ListReader, body: bytes) -> Parsed:
    return Parsed(
        method=reader.method,
        target=reader.target,
        headers=tuple(reader.headers),
        body=body,
        http11=reader.http11,
        keep_alive=reader.keep_alive,
        waits=reader.expect_continue,
        upgrade=reader.upgrade,
    )


def refusal(pieces: Iterable[bytes], limits: HttpSettings = LIMITS) -> tuple[int, str] | None:
    """Status and reason with which the pieces are refused; None when they are not."""
    try:
        read(pieces, limits)
    except ProtocolError as error:
        return error.status, error.reason
    return None


def bytewise(raw: bytes) -> Iterator[bytes]:
    return (raw[i : i + 1] for i in range(len(raw)))


def cut(raw: bytes, *places: int) -> list[bytes]:
    """The bytes in pieces, cut at these places."""
    ends = sorted({min(place, len(raw)) for place in places} | {len(raw)})
    return [raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]
