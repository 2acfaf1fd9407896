"""Async workers on both event loops, and a gate that does not stop them."""

import sys

import pytest

from tests.asgi.records import recorded

from .apps import AsyncGate, Probe


def without_uvloop():
    """Make this process one in which uvloop is not installed."""
    sys.modules["uvloop"] = None


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request):
    return request.param


@pytest.fixture
def run(worker, loop):
    """Start async workers on the loop of the test: ``run(app)``."""

    def run(app, **options):
        if loop == "asyncio":
            options["in_child"] = without_uvloop
        return worker(app, kind="async", **options)

    return run


@pytest.fixture
def run_on_unix_socket(run, tmp_path):
    """The same on a unix socket: the kernel holds back a silent TCP client (TCP_DEFER_ACCEPT) for seconds."""

    def start(app, **options):
        return run(app, bind=(f"unix:{tmp_path}/sock",), **options)

    return start


@pytest.fixture
def app(gate):
    return Probe(gate)


@pytest.fixture
def gate():
    with AsyncGate() as one:
        yield one


@pytest.fixture
def log():
    """What this process logs."""
    with recorded() as records:
        yield records
