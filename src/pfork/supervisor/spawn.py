"""Forking: what must be closed, reset and guarded so that a child starts clean."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from pfork.base import Exit, Posix
from pfork.control import Seat
from pfork.supervisor import signals
from pfork.supervisor.plan import Plan
from pfork.supervisor.reconcile import Facts
from pfork.supervisor.table import Worker


def fork_child(posix: Posix, main: Callable[[], int], close: Callable[[], None]) -> int:
    """Fork; the child closes what is the arbiter's alone, runs ``main`` and exits with what it returns.

    Signals are blocked from before the fork until the child has let go of the arbiter's handlers and wake-up
    descriptor: a signal to the child in between would otherwise be reported to the arbiter as its own.

    Returns the child's PID. Raises OSError when the system refuses to fork.
    """
    old_mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = posix.fork()
        if pid == 0:
            _run(posix, main, close)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old_mask)


def spawn_worker(posix: Posix, plan: Plan, facts: Facts, close: Callable[[], None]) -> Worker:
    """Start a worker in its slot. Raises OSError when the system refuses a descriptor or a process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        ours.setblocking(False)
        theirs.setblocking(False)
        dump_fd = _memory_file()
    except OSError:
        ours.close()
        theirs.close()
        raise

    def close_all() -> None:
        ours.close()
        close()

    seat = Seat(facts.slot, facts.generation, theirs, dump_fd, signals.DUMP_SIGNAL)
    try:
        pid = fork_child(posix, lambda: plan.worker_main(seat), close_all)
    except OSError:
        ours.close()
        os.close(dump_fd)
        raise
    finally:
        theirs.close()
    return Worker(facts, pid, ours, dump_fd)


def _memory_file() -> int:
    """A file without a name that both processes share, for the stacks of a stuck worker."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("pfork-stacks", os.MFD_CLOEXEC)
    import tempfile

    fd, path = tempfile.mkstemp(prefix="pfork-")
    os.unlink(path)
    return fd


def _run(posix: Posix, main: Callable[[], int], close: Callable[[], None]) -> NoReturn:
    """The child's life. It ends here whatever happens: no frame of the arbiter below may go on in it."""
    code = int(Exit.BOOT)
    try:
        signals.reset()
        atexit._clear()  # what was registered so far is the arbiter's business
        close()
        code = main()
        atexit._run_exitfuncs()  # the app's own handlers: flush of traces, coverage, temporary files
    except BaseException as error:  # noqa: BLE001 - the border of the process: it is told, and ends
        _tell(error)
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
        posix.exit_now(code)


def _tell(error: BaseException) -> None:
    import traceback

    try:
        sys.stderr.write("".join(traceback.format_exception(error)))
    except (OSError, ValueError):
        pass
