"""A reload: check, canary, roll, commit - or back, with the reason. The old generation never stops serving.

The phases only say where a reload is; who is started and who is retired follows from the desired generation, in
reconcile.py. A HUP that comes meanwhile is one bit, not a queue: the reload that follows sees the newest files.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pfork.base import NS_PER_S, PforkError, Posix, ns
from pfork.supervisor.plan import Blueprint, Plan
from pfork.supervisor.reconcile import Desired
from pfork.supervisor.spawn import fork_child

CHECK_NS = ns(30)
"""How long a configuration file may take to load: it may be any Python code."""


class Phase(Enum):
    """Where a reload is."""

    IDLE = "idle"
    CHECK = "check"
    ROLL = "roll"


@dataclass(slots=True)
class Checker:
    """A short-lived child that loads the configuration, so that no foreign code runs in the arbiter."""

    pid: int
    fd: int
    deadline_ns: int
    data: bytes = b""
    has_ended: bool = False

    def read(self) -> bool:
        """Take what has come; True at the end."""
        chunk = os.read(self.fd, 65536)
        self.data += chunk
        self.has_ended = not chunk
        return self.has_ended

    def result(self) -> dict[str, Any]:
        """The settings as plain data. Raises PforkError with the checker's words when it failed."""
        if not self.has_ended:
            raise PforkError(f"the configuration took more than {CHECK_NS / NS_PER_S:g} s to load")
        try:
            answer = json.loads(self.data)
        except ValueError as error:
            raise PforkError("the process that checked the configuration ended without an answer") from error
        if "error" in answer:
            raise PforkError(answer["error"])
        settings: dict[str, Any] = answer["settings"]
        return settings


def start_checker(posix: Posix, blueprint: Blueprint, now_ns: int, close: Callable[[], None]) -> Checker:
    """Fork the checker. Raises OSError when the system refuses."""
    reader, writer = os.pipe2(os.O_CLOEXEC)

    def main() -> int:
        os.close(reader)
        answer: dict[str, Any]
        try:
            answer = {"settings": blueprint.check()}
        except PforkError as error:
            answer = {"error": error.render()}
        with open(writer, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
        return 0

    try:
        pid = fork_child(posix, main, close)
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    os.set_blocking(reader, False)
    return Checker(pid, reader, now_ns + CHECK_NS)


class Reloader:
    """Where a reload is, and its checker. The arbiter changes what is desired; this remembers what was before."""

    def __init__(self, posix: Posix, blueprint: Blueprint) -> None:
        self._posix = posix
        self._blueprint = blueprint
        self._checker: Checker | None = None
        self._before: Desired | None = None
        self.phase = Phase.IDLE
        self.is_pending = False

    @property
    def deadline_ns(self) -> int:
        """When the check must have ended; 0 when none goes on."""
        return self._checker.deadline_ns if self._checker else 0

    @property
    def fd(self) -> int:
        """Where the checker's answer comes from."""
        assert self._checker
        return self._checker.fd

    @property
    def before(self) -> Desired:
        """What was desired before this reload."""
        assert self._before
        return self._before

    def start(self, now_ns: int, close: Callable[[], None]) -> int:
        """Begin with the check; returns the descriptor to watch. Raises OSError when the system refuses to fork."""
        self.is_pending = False
        self._checker = start_checker(self._posix, self._blueprint, now_ns, close)
        self.phase = Phase.CHECK
        return self._checker.fd

    def is_answering(self, fd: int) -> bool:
        return self._checker is not None and self._checker.fd == fd

    def is_overdue(self, now_ns: int) -> bool:
        return self._checker is not None and now_ns >= self._checker.deadline_ns

    def read(self) -> bool:
        """Take what the checker has written; True at its end."""
        assert self._checker
        return self._checker.read()

    def stage(self, before: Desired) -> Plan:
        """The checker has answered, or its time is over: open what the new settings need.

        Raises PforkError; nothing has changed then.
        """
        plan = self._blueprint.stage(self.give_up_check().result())
        self.phase = Phase.ROLL
        self._before = before
        return plan

    def give_up_check(self) -> Checker:
        """Let the checker go, whether it has ended or not; it is reaped as strangers are."""
        checker, self._checker = self._checker, None
        assert checker
        self.phase = Phase.IDLE
        os.close(checker.fd)
        try:
            self._posix.kill(checker.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return checker

    def commit(self) -> None:
        """The new generation serves."""
        self.phase = Phase.IDLE
        self._before = None
        self._blueprint.commit()

    def roll_back(self) -> Desired:
        """The new generation is given up. Returns what was desired before."""
        before = self.before
        self.phase = Phase.IDLE
        self._before = None
        self._blueprint.rollback()
        return before

    def close_in_child(self) -> None:
        if self._checker:
            os.close(self._checker.fd)
