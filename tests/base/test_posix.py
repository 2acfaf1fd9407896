"""The process calls, with real processes."""

import os
import signal

import pytest

from pfork.base import ExitStatus, SystemPosix, signal_name


@pytest.fixture
def posix():
    return SystemPosix()


def child(posix, run):
    pid = posix.fork()
    if pid == 0:
        run()
        posix.exit_now(99)
    return pid


def wait(pid):
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_an_exit_code_is_reaped(posix):
    pid = child(posix, lambda: posix.exit_now(3))
    wait(pid)
    status = posix.reap(pid)
    assert status == ExitStatus(pid, 3, 0)
    assert str(status) == "exit code 3"


def test_a_signal_is_reaped_by_name(posix):
    pid = child(posix, signal.pause)
    posix.kill(pid, signal.SIGKILL)
    wait(pid)
    status = posix.reap(pid)
    assert status == ExitStatus(pid, -1, 9)
    assert str(status) == "killed by SIGKILL"


def test_a_running_child_is_not_reaped(posix):
    pid = child(posix, signal.pause)
    assert posix.reap(pid) is None
    posix.kill(pid, signal.SIGKILL)
    wait(pid)
    assert posix.reap(pid)


def test_somebody_elses_child_is_gone(posix):
    assert posix.reap(1) == ExitStatus(1, 0, 0)


def test_only_strangers_are_reaped_as_strangers(posix):
    known = child(posix, lambda: posix.exit_now(0))
    wait(known)
    assert posix.reap_stranger(frozenset({known})) is None
    assert posix.reap_stranger(frozenset()) == ExitStatus(known, 0, 0)
    assert posix.reap_stranger(frozenset()) is None


def test_signals_have_names():
    assert signal_name(15) == "SIGTERM"
    assert signal_name(signal.SIGRTMIN + 5) == f"signal {int(signal.SIGRTMIN) + 5}"
