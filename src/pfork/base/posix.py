"""The process calls of the operating system, behind one object.

This is the only module that names fork, kill, waitid and _exit: whoever wants to know which code can end a process or
start one reads the callers of ``Posix``, and the supervisor's tests put a fake in its place.
"""

from __future__ import annotations

import os
import signal as signals
from typing import NamedTuple, NoReturn, Protocol


class ExitStatus(NamedTuple):
    """How a process ended: by its own exit code, or by a signal (then ``code`` is -1)."""

    pid: int
    code: int
    signal: int

    def __str__(self) -> str:
        if self.signal:
            return f"killed by {signal_name(self.signal)}"
        return f"exit code {self.code}"


class Posix(Protocol):
    """Process calls. Each raises OSError as the system call does."""

    def fork(self) -> int:
        """0 in the child, the child's PID in the parent."""

    def kill(self, pid: int, signal: int) -> None:
        """Signal a process. Safe for a direct child that was not reaped: its PID cannot be reused."""

    def reap(self, pid: int) -> ExitStatus | None:
        """The exit status of a direct child, which is gone for good then; None while it runs."""

    def reap_stranger(self, known: frozenset[int]) -> ExitStatus | None:
        """Reap one ended child that is not in ``known`` (children adopted as PID 1); None if there is none."""

    def getpid(self) -> int:
        """This process."""

    def getppid(self) -> int:
        """The parent of this process."""

    def exit_now(self, code: int) -> NoReturn:
        """End this process at once: no handler, no ``finally``, no buffer is flushed."""


class SystemPosix:
    """The calls themselves."""

    def fork(self) -> int:
        return os.fork()

    def kill(self, pid: int, signal: int) -> None:
        os.kill(pid, signal)

    def reap(self, pid: int) -> ExitStatus | None:
        try:
            result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            return ExitStatus(pid, 0, 0)  # reaped by somebody else: all we know is that it is gone
        return None if result is None else _status(result)

    def reap_stranger(self, known: frozenset[int]) -> ExitStatus | None:
        try:
            result = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        if result is None or result.si_pid in known:
            return None
        return self.reap(result.si_pid)

    def getpid(self) -> int:
        return os.getpid()

    def getppid(self) -> int:
        return os.getppid()

    def exit_now(self, code: int) -> NoReturn:
        os._exit(code)


def _status(result: os.waitid_result) -> ExitStatus:
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(result.si_pid, result.si_status, 0)
    return ExitStatus(result.si_pid, -1, result.si_status)


def signal_name(number: int) -> str:
    """``SIGTERM`` for 15; real-time signals, which have no name, as ``signal 39``."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
