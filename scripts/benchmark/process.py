"""One server under measurement: started on its own core, asked for its CPU time and memory, ended."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from servers import Server

APPS = Path(__file__).with_name("apps")
START_PATIENCE_S = 20.0
MIB = 1024 * 1024


class ServerFailed(Exception):
    """A server did not start or did not answer as it should; the message holds the end of its log."""


@dataclass(frozen=True)
class Memory:
    """MiB. ``private`` is what the worker shares with nobody. A server of one process has no arbiter."""

    arbiter_rss: float | None
    worker_rss: float
    worker_private: float


class RunningServer:
    """A context manager: the server runs inside it, pinned to ``core`` with all its processes and threads."""

    def __init__(self, server: Server, core: int) -> None:
        self.server = server
        self.core = core
        self.port = _free_port()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in __exit__

    def __enter__(self) -> RunningServer:
        argv = self.server.argv(str(Path(sys.executable).parent), self.port)
        # Affinity is inherited: taskset, then exec, covers whatever the server forks or spawns.
        pinned = ["taskset", "-c", str(self.core), *argv]
        self._process = subprocess.Popen(
            pinned, cwd=APPS, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        try:
            self._wait_for_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        family = self._family() if self._process.poll() is None else []
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in psutil.wait_procs(family, 5)[1]:
            process.kill()
        self._log.close()

    def cpu_seconds(self) -> float:
        """User and system time of all processes of the server so far, ended threads included."""
        total = 0.0
        for process in self._family():
            times = process.cpu_times()
            total += times.user + times.system
        return total

    def memory(self) -> Memory:
        """What the arbiter and the worker hold now. The worker is the process that did the work."""
        root, *others = self._family()
        worker = max(others, key=lambda process: sum(process.cpu_times()[:2]), default=root)
        used = worker.memory_full_info()
        arbiter = root.memory_info().rss / MIB if others else None
        return Memory(arbiter, used.rss / MIB, used.uss / MIB)

    def check(self) -> None:
        """Raises ServerFailed if the server has ended by itself."""
        if self._process.poll() is not None:
            code = self._process.returncode
            raise ServerFailed(f"{self.server.name} ended under load, code {code}\n{self._end_of_log()}")

    def _family(self) -> list[psutil.Process]:
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        while True:
            try:
                status, body = _get(self.port)
            except OSError as error:
                if self._process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                raise ServerFailed(f"{self.server.name} did not start: {error}\n{self._end_of_log()}") from None
            if (status, body) != (200, b"Hello, world!"):
                raise ServerFailed(f"{self.server.name} answered {status} {body!r}\n{self._end_of_log()}")
            return

    def _end_of_log(self) -> str:
        self._log.seek(0)
        return self._log.read()[-2000:]


def _get(port: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP answer: {error!r}") from error
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
