"""Clients that keep asking while something happens to the server, and a strict judgement of what each of them got.

A request is *answered* (200, and with its own number), *refused* (the connection was not taken, so nothing was sent) or
*lost*: anything else. A kept-alive connection that the server closed before the request was sent is not used, as any
real client looks before it sends.
"""

from __future__ import annotations

import threading
from collections import Counter
from itertools import count

from tests.e2e.raw import RawClient


class Load:
    """A context manager: asks from its beginning to its end, over ``kept`` kept-alive and ``fresh`` new connections."""

    def __init__(self, address, *, kept: int = 2, fresh: int = 2, path: str = "/number?n={}"):
        self._address = address
        self._path = path
        self._numbers = count()
        self._ends = threading.Event()
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._ask, args=(index < kept,)) for index in range(kept + fresh)]
        self.answered = 0
        self.refused = 0
        self.lost: list[str] = []
        self.bodies: Counter[bytes] = Counter()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_answers(1)
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def stop(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def wait_answers(self, more: int, timeout: float = 30.0) -> None:
        """Until ``more`` further requests are answered."""
        with self._news:
            goal = self.answered + more
            if not self._news.wait_for(lambda: self.answered >= goal, timeout):
                raise AssertionError(f"only {self.answered} of {goal} answered: {self!r}")

    def __repr__(self):
        return f"answered {self.answered}, refused {self.refused}, lost {len(self.lost)}: {self.lost[:5]}"

    def _ask(self, keeps: bool) -> None:
        client: RawClient | None = None
        try:
            while not self._ends.is_set():
                # On a connection that is idle, news is the end.
                if client is not None and (not keeps or client.has_news(0)):
                    client.close()
                    client = None
                if client is None:
                    client = self._connect()
                    if client is None:
                        return  # nobody listens any more: that is the end, not a reason to hammer
                if not self._ask_once(client):
                    client.close()
                    client = None
        finally:
            if client is not None:
                client.close()

    def _connect(self) -> RawClient | None:
        try:
            return RawClient(self._address)
        except (ConnectionRefusedError, ConnectionResetError, FileNotFoundError):
            with self._news:
                self.refused += 1
            return None

    def _ask_once(self, client: RawClient) -> bool:
        """Whether the connection can be used again."""
        number = next(self._numbers)
        try:
            answer = client.get(self._path.format(number)).answer()
        except Exception as error:
            self._lose(f"request {number}: {error!r}")
            return False
        if answer.status != 200 or ("{}" in self._path and answer.body != str(number).encode()):
            self._lose(f"request {number}: {answer!r}")
        with self._news:
            self.answered += 1
            if "{}" not in self._path:
                self.bodies[answer.body] += 1
            self._news.notify_all()
        return not answer.closes

    def _lose(self, how: str) -> None:
        with self._news:
            self.lost.append(how)
            self._news.notify_all()
