"""The README's first command."""

import os
import socket

import pytest

from tests.e2e import lines
from tests.e2e.harness import ROOT, Server

RUN = str(ROOT / "scripts" / "run")

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv" / "made-for").exists() and not os.environ.get("CI"),
    reason="scripts/run has not set up its environment yet (scripts/test does it)",
)


def environment():
    """What a person has, and the test's own environment does not."""
    return {name: os.environ[name] for name in ("HOME", "PIP_CONFIG_FILE", "PFORK_PYTHON") if name in os.environ} | {
        "PYTHONPATH": ""
    }


def test_run_serves_the_demo_with_four_workers():
    with Server(command=(RUN,), env=environment()) as one:
        assert one.wait_line(lines.STARTING)["app"] == "pfork.demo:app"
        assert one.wait_line(lines.READY)["workers"] == "4"
        assert "<!doctype html>" in one.get("/").text.lower()
        assert one.stop() == 0


def test_run_serves_on_port_8000_unless_it_is_told_otherwise():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 8000))
        except OSError:
            pytest.skip("somebody else is at port 8000")
    with Server(command=(RUN,), bind=None, env=environment()) as one:
        assert one.url == "http://127.0.0.1:8000"


def test_run_passes_its_arguments_on():
    app = "async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n"
    app += "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    app += "    await send({'type': 'http.response.body', 'body': b'mine'})\n"
    args = ("-w", "2", "-k", "async", "module:app")
    with Server(*args, command=(RUN,), files={"module.py": app}, env=environment()) as one:
        assert one.wait_line(lines.READY)["workers"] == "2"
        assert one.get("/").text == "mine"
