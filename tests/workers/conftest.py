"""Workers of a test, ended with it; the log of each under a failing test's report."""

import pytest

from pfork.config import BindSettings, parse_address
from pfork.scoreboard import Scoreboard
from pfork.sockets import open_all
from tests.workers.harness import Gate, Worker

_alive: list[Worker] = []


@pytest.fixture
def worker():
    """Start workers: ``worker(app, kind="sync")``."""

    def start(*args, **options):
        one = Worker(*args, **options)
        _alive.append(one)
        return one

    yield start
    for one in _alive:
        one.close()
    _alive.clear()


@pytest.fixture
def crew(worker):
    """Several workers on the same listener: ``crew(app, 2, kind="sync")``."""
    (listener,) = open_all(BindSettings(bind=(parse_address("127.0.0.1:0"),)))

    def start(app, count, **options):
        board = Scoreboard(8, 8)
        return [worker(app, listeners=(listener,), board=board, slot=slot, **options) for slot in range(count)]

    yield start
    listener.close(unlink=False)


@pytest.fixture(params=["sync", "thread"])
def kind(request):
    """Both kinds on the reactor."""
    return request.param


@pytest.fixture
def gate():
    """Where an app of the test waits for the test."""
    with Gate() as one:
        yield one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        report.sections += [(f"log of worker {one.pid}", one.log) for one in _alive]
    return report
