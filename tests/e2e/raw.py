"""A client that sends the bytes it is told to send, and reads what comes back without opinions of its own."""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import struct
from dataclasses import dataclass, field


@dataclass
class Answer:
    """One response, its body complete."""

    status: int
    reason: str
    version: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the server said that it closes the connection after this."""
        return (self.headers.get("Connection") or "").lower() == "close"


class _Stream(io.BufferedReader):
    """What is read ahead stays for the next response: http.client closes a response's file, here in vain."""

    def close(self) -> None:
        pass

    def really_close(self) -> None:
        super().close()


class RawClient:
    """One connection. A read that gets nothing for ``timeout`` seconds raises TimeoutError."""

    def __init__(self, address: tuple[str, int] | str, *, timeout: float = 30.0):
        family = (
            socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        )
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise
        self._stream = _Stream(socket.SocketIO(self.sock, "r"))

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    # http.client asks a socket for a file; this is ours.
    def makefile(self, mode):
        return self._stream

    def send(self, data: bytes) -> RawClient:
        self.sock.sendall(data)
        return self

    def send_gently(self, data: bytes) -> None:
        """Send as much as the server takes: it may have answered and closed before it has read everything."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(data)

    def get(self, path: str, *headers: str) -> RawClient:
        """Send a GET request."""
        lines = [f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]
        return self.send("\r\n".join(lines).encode("latin-1"))

    def answer(self, method: str = "GET") -> Answer:
        """Read one response. ``method`` is the request's: the body of an answer to HEAD is none."""
        response = http.client.HTTPResponse(self, method=method)
        try:
            response.begin()
            body = response.read()
            return Answer(response.status, response.reason, response.version, response.headers, body)
        finally:
            response.close()

    def read_line(self) -> bytes:
        return self._stream.readline()

    def read_head(self) -> bytes:
        """The bytes up to and with the next empty line."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._stream.readline()
            if not line:
                raise EOFError(f"the connection ended in a head: {head!r}")
            head += line
        return head

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def read_rest(self) -> bytes:
        """Everything until the server closes. A reset counts as a close: the bytes before it are what is asked for."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self._stream.read1(65536):
                data += piece
        return data

    def has_news(self, timeout: float) -> bool:
        """Whether bytes, or the end, come within ``timeout`` seconds."""
        return bool(select.select([self.sock], [], [], timeout)[0])

    def shut_down(self) -> None:
        """Say that nothing more will be sent; go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Leave without a word: the server sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._stream.really_close()
        self.sock.close()
