"""What a row of the corpus is, and short ways to write the bytes of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Fields = tuple[tuple[bytes, bytes], ...]


def head(line: bytes, *fields: bytes) -> bytes:
    """A head of these lines."""
    return b"\r\n".join((line, *fields, b"", b""))


def post(*fields: bytes, body: bytes = b"") -> bytes:
    """A POST with a Host, these headers, and what follows the head."""
    return head(b"POST / HTTP/1.1", b"Host: a", *fields) + body


def chunked(body: bytes, *fields: bytes) -> bytes:
    """A POST whose chunks (as they go over the wire) are ``body``."""
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


HOST: Fields = ((b"host", b"a"),)


@dataclass(frozen=True)
class Parsed:
    """What is made of a request. ``headers``: names in lower case, in the order sent."""

    method: str = "GET"
    target: bytes = b"/"
    headers: Fields = HOST
    body: bytes = b""
    http11: bool = True
    keep_alive: bool = True
    waits: bool = False  # for "100 Continue", when its body has not come with the head
    upgrade: bytes = b""


@dataclass(frozen=True)
class Valid:
    """Bytes that are one or more requests, one behind the other."""

    name: str
    raw: bytes
    requests: tuple[Parsed, ...] = (Parsed(),)


@dataclass(frozen=True)
class Invalid:
    """Bytes that are refused with a status. ``reason``: words of the text that the client gets."""

    name: str
    status: int
    reason: str
    raw: bytes


def one(name: str, raw: bytes, **parsed: Any) -> Valid:
    """A row of ``VALID`` that is one request."""
    return Valid(name, raw, (Parsed(**parsed),))
