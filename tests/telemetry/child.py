"""Code that runs in a process of its own, with a standard stream of the test's making."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Child:
    """A forked child that does ``work(talk)`` with ``fd`` as its stream 1 or 2. It ends with the block.

    The two can talk: ``expect`` waits for a word of the other side, ``say`` gives one.
    """

    def __init__(self, work: Callable[[Talk], object], *, stream: int, fd: int | None) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                ours.close()
                if fd is None:
                    os.close(stream)
                else:
                    os.dup2(fd, stream)
                    os.close(fd)
                work(Talk(theirs))
                code = 0
            except BaseException:
                Talk(theirs).say(traceback.format_exc())
            finally:
                os._exit(code)
        theirs.close()
        self.talk = Talk(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        rest = self.talk.end()
        _, status = os.waitpid(self.pid, 0)
        if kind is None:
            assert (status, rest) == (0, "")


class Talk:
    """One end of a conversation in lines."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(60)  # a safety net: nobody is expected to wait so long
        self._sock = sock

    def say(self, word: str) -> None:
        self._sock.sendall(word.encode() + b"\n")

    def expect(self, word: str) -> None:
        heard = b""
        while not heard.endswith(b"\n"):
            data = self._sock.recv(1 if len(heard) < len(word) else 65536)
            if not data:
                break
            heard += data
        assert heard.decode() == word + "\n", heard.decode()

    def end(self) -> str:
        """Say nothing more, and hear the other side out."""
        with self._sock:
            self._sock.shutdown(socket.SHUT_WR)
            heard = b""
            while data := self._sock.recv(65536):
                heard += data
        return heard.decode()
