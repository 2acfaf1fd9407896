"""What a worker hears: orders, its arbiter's death, its own SIGTERM."""

import os
import select
import signal
import socket

import pytest

from pfork.base import NS_PER_S
from pfork.control import BootFailed, Drain, Quit, ReopenLogs, RetirementAsked, decode, encode
from pfork.workers.ear import Channel, Ear
from pfork.workers.signals import SignalPipe


class Line:
    """An ear, and the arbiter's end of its channel."""

    def __init__(self):
        self.arbiter, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.arbiter.settimeout(30)
        theirs.setblocking(False)
        self._theirs = theirs
        self.signals = SignalPipe()
        self.channel = Channel(theirs)
        self.reopened = 0
        self.ear = Ear(self.channel, self.signals, graceful_timeout=7, reopen_logs=self._reopen)

    def _reopen(self):
        self.reopened += 1

    def order(self, *orders):
        for order in orders:
            self.arbiter.send(encode(order))

    def close(self):
        self.arbiter.close()
        self._theirs.close()
        self.signals.close()

    @property
    def is_readable(self):
        return bool(select.select(self.ear.filenos(), [], [], 0)[0])


@pytest.fixture
def line():
    one = Line()
    yield one
    one.close()


@pytest.fixture
def signals(line):
    """The process's signals, as a worker has them; put back afterwards."""
    names = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
    names += [signal.SIGWINCH, signal.SIGTTIN, signal.SIGTTOU]
    before = {number: signal.getsignal(number) for number in names}
    line.signals.install()
    yield line.signals
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_nothing_is_heard_when_nobody_speaks(line):
    assert not line.is_readable
    assert line.ear.listen() is None


ORDERS = [
    ([Drain(5)], Drain(5), 0),
    ([Quit()], Quit(), 0),
    ([ReopenLogs()], None, 1),
    ([ReopenLogs(), Drain(5), ReopenLogs()], Drain(5), 2),
    ([Drain(5), Drain(4, True)], Drain(4, True), 0),
    ([Drain(5), Quit()], Quit(), 0),
    ([Quit(), Drain(5)], Quit(), 0),
]


@pytest.mark.parametrize(("orders", "heard", "reopened"), ORDERS)
def test_the_strongest_order_is_heard_and_logs_are_reopened_on_the_way(line, orders, heard, reopened):
    line.order(*orders)
    assert line.is_readable
    assert line.ear.listen() == heard
    assert line.reopened == reopened
    assert line.ear.listen() is None


def test_packets_that_are_no_orders_are_passed_over(line):
    line.arbiter.send(b"noise")
    line.order(RetirementAsked("a report, which goes the other way"), Quit())
    assert line.ear.listen() == Quit()


def test_an_arbiters_death_is_an_order_to_drain_heard_once(line):
    line.arbiter.close()
    order = line.ear.listen()
    assert isinstance(order, Drain)
    assert order.empty_backlog
    assert line.ear.is_orphaned
    assert line.ear.filenos() == (line.signals.fileno(),)
    assert not line.is_readable
    assert line.ear.listen() is None


def test_an_orphan_gives_itself_the_graceful_timeout(line):
    import time

    before = time.monotonic_ns()
    line.arbiter.close()
    order = line.ear.listen()
    after = time.monotonic_ns()
    assert before + 7 * NS_PER_S <= order.deadline_ns <= after + 7 * NS_PER_S


def test_the_last_orders_of_a_dying_arbiter_count(line):
    line.order(Quit())
    line.arbiter.close()
    assert line.ear.listen() == Quit()


def test_a_sigterm_is_reported_once_for_each_time_it_was_heard(line, signals):
    os.kill(os.getpid(), signal.SIGTERM)
    assert line.is_readable
    assert line.ear.listen() is None
    assert decode(line.arbiter.recv(65536)) == RetirementAsked("SIGTERM")
    assert not line.is_readable
    assert line.ear.listen() is None
    assert not select.select([line.arbiter], [], [], 0)[0]


def test_a_sigterm_of_an_orphan_is_nobodys_business(line, signals):
    line.arbiter.close()
    os.kill(os.getpid(), signal.SIGTERM)
    assert isinstance(line.ear.listen(), Drain)


def test_a_harmless_signal_wakes_and_says_nothing(line, signals):
    os.kill(os.getpid(), signal.SIGINT)
    assert line.is_readable
    assert line.ear.listen() is None
    assert not select.select([line.arbiter], [], [], 0)[0]


def test_a_wakeup_descriptor_of_somebody_else_does_not_hide_a_sigterm(line, signals):
    """uvloop puts its own in place while it runs."""
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        os.kill(os.getpid(), signal.SIGTERM)
        assert line.is_readable
        signal.set_wakeup_fd(-1)


def test_a_program_that_an_app_starts_can_be_interrupted(line, signals):
    """A signal that is ignored stays ignored in every program that is executed."""
    import subprocess
    import sys

    code = "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"


def test_a_report_to_nobody_is_dropped(line):
    line.arbiter.close()
    line.channel.send(BootFailed("import", 3, "nobody reads this"))
