"""Fixtures for the tests that run the real program, and its log under a failing test's report."""

import tempfile

import pytest

from tests.e2e.gate import Gate
from tests.e2e.harness import Server, witnesses


@pytest.fixture
def server():
    """Start servers: ``server("wsgi_probe:app", "-w", "2")``. They end with the test."""
    started = []

    def start(*args, **options):
        one = Server(*args, **options)
        started.append(one.__enter__())
        return one

    yield start
    for one in reversed(started):
        one.close()


@pytest.fixture
def gate():
    """A place where apps wait for the test."""
    with Gate() as one:
        yield one


@pytest.fixture
def unix_path():
    """Where a Unix socket may be: pytest's own directories are too deep for one."""
    with tempfile.TemporaryDirectory(prefix="pfork-") as directory:
        yield f"{directory}/sock"


@pytest.fixture(scope="module")
def shared():
    """Servers that all tests of a module use, one for each set of arguments."""
    started = {}

    def start(*args, **options):
        if args not in started:
            started[args] = Server(*args, **options).__enter__()
        return started[args]

    yield start
    for one in started.values():
        one.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    witnesses[:] = [witness for witness in witnesses if not witness.is_over]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        report.sections += [part for witness in witnesses for part in witness.testimony() if part[1]]
    return report
