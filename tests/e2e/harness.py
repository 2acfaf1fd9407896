"""Running pfork for real: start it, hear what it says, signal it, and see that nothing of it is left.

Tests wait for lines, bytes and the end of processes. The timeouts are a safety net for a server that is broken, never
a means of synchronisation.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal as signals
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from tests.e2e import lines
from tests.e2e.raw import RawClient

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
PATIENCE_S = 30.0
"""How long the safety net waits. More than any step takes on a busy machine."""

Address = tuple[str, int] | str

witnesses: list[Witness] = []
"""What runs, or has ended in this test: a failing test's report shows what it said."""


class Witness(Protocol):
    """A program that has something to say about a failure."""

    is_over: bool

    def testimony(self) -> list[tuple[str, str]]:
        """Titles and texts for the report."""


class Transcript:
    """The lines of one stream, as they come. Anybody may wait for one."""

    def __init__(self, stream):
        self.lines: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        with self._stream:
            for line in self._stream:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def text(self) -> str:
        with self._news:
            return "\n".join(self.lines)

    def mark(self) -> int:
        """The place where the transcript ends now: give it to ``wait`` as ``since``."""
        with self._news:
            return len(self.lines)

    def wait(self, pattern: str | re.Pattern[str], *, since: int = 0, timeout: float = PATIENCE_S) -> re.Match[str]:
        """The match in the first line that has one, from ``since`` on."""
        place = since
        found: re.Match[str] | None = None

        def is_settled() -> bool:
            nonlocal place, found
            while found is None and place < len(self.lines):
                found = re.search(pattern, self.lines[place])
                place += 1
            return found is not None or self._ended

        with self._news:
            self._news.wait_for(is_settled, timeout)
            if found is None:
                how = "ended without saying" if self._ended else f"did not say within {timeout} s"
                heard = "\n".join(self.lines[since:])
                raise AssertionError(f"the server {how} {pattern!r}; it said:\n{heard}")
            return found

    def all(self, pattern: str | re.Pattern[str], *, since: int = 0) -> list[re.Match[str]]:
        """Every match there is now, one a line."""
        with self._news:
            return [match for line in self.lines[since:] if (match := re.search(pattern, line))]

    def wait_end(self, timeout: float = PATIENCE_S) -> None:
        """Until nobody can write any more: every process that held the stream is gone."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "somebody still holds the server's output open"


class Server:
    """One pfork, in a directory of its own.

    ``files`` are written there first. ``bind`` adds ``-b`` options (None: the arguments say it all). ``prefix`` is a
    command that runs the server, such as setpriv; ``command`` takes the place of ``python -m pfork``. The arbiter
    leads a session, by which all its descendants are found.
    """

    command: tuple[str, ...] = (sys.executable, "-m", "pfork")
    listening = lines.LISTENING
    ready = lines.READY

    def __init__(
        self,
        *args: str,
        files: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        bind: Iterable[str] | None = ("127.0.0.1:0",),
        prefix: Iterable[str] = (),
        command: Iterable[str] | None = None,
        pass_fds: Iterable[int] = (),
        wait: bool = True,
    ):
        self._directory = tempfile.TemporaryDirectory(prefix="pfork-", ignore_cleanup_errors=True)
        self.cwd = Path(self._directory.name)
        for name, text in (files or {}).items():
            self.write(name, text)
        binds = [word for address in bind or () for word in ("-b", address)]
        self.args = [*prefix, *(command or self.command), *binds, *args]
        self._pass_fds = tuple(pass_fds)
        self._env = clean_environment(self.cwd) | dict(env or {})
        self._wait = wait
        self.is_over = False
        self.addresses: list[Address] = []

    def __enter__(self):
        self.process = subprocess.Popen(
            self.args,
            cwd=self.cwd,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=self._pass_fds,
        )
        self.log = Transcript(self.process.stderr)
        self.out = Transcript(self.process.stdout)
        witnesses.append(self)
        if self._wait:
            try:
                self.log.wait(self.ready)
                self.addresses = [parse(match["address"]) for match in self.log.all(self.listening)]
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(self, *exc_info):
        self.close()

    # what it is asked

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> Address:
        return self.addresses[0]

    @property
    def url(self) -> str:
        return url_of(self.address)

    def wait_line(self, pattern, *, since: int = 0, timeout: float = PATIENCE_S):
        return self.log.wait(pattern, since=since, timeout=timeout)

    def workers(self) -> dict[int, int]:
        """Worker number -> PID, of the workers that run now, by their titles."""
        found = {}
        for child in psutil.Process(self.pid).children():
            with contextlib.suppress(psutil.Error):
                title = " ".join(child.cmdline())
                if match := re.match(r"pfork: worker (\d+) gen \d+", title):
                    found[int(match[1])] = child.pid
        return found

    # what is done to it

    def write(self, name: str, text: str) -> Path:
        """Write a file of the server's directory.

        Each version has another size: Python takes a cached module for fresh by size and whole seconds.
        """
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py" and path.exists():
            text += "\n" + "#" * (path.stat().st_size + 1 - len(text.encode()))
        path.write_text(text)
        return path

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def client(self, address: Address | None = None, **options) -> httpx.Client:
        """An httpx client of the server, by default with a pool of connections."""
        target = address or self.address
        options = {"timeout": PATIENCE_S, "verify": False} | options  # to load certificates takes long, and is vain
        if isinstance(target, str):
            transport = httpx.HTTPTransport(uds=target)
            return httpx.Client(transport=transport, base_url="http://localhost", **options)
        return httpx.Client(base_url=url_of(target), trust_env=False, **options)

    def raw(self, address: Address | None = None, **options) -> RawClient:
        return RawClient(address or self.address, **options)

    def get(self, path: str, **options) -> httpx.Response:
        """One request over a connection of its own."""
        with self.client() as client:
            return client.get(path, **options)

    # its end

    def wait_exit(self, timeout: float = PATIENCE_S) -> int:
        """The exit code of a server that ends by itself, all of its output read."""
        assert wait_gone(self.pid, timeout), f"the server did not end within {timeout} s; it said:\n{self.log.text}"
        code = self.process.wait()
        self.log.wait_end()
        self.out.wait_end()
        return code

    def stop(self, number: int = signals.SIGTERM) -> int:
        """Signal the server and wait for its end."""
        self.signal(number)
        return self.wait_exit()

    def close(self) -> None:
        """Stop what still runs. A process that outlives its arbiter is an error, whatever the test was about."""
        if self.is_over:
            return
        self.is_over = True
        if self.process.poll() is None:
            self.process.terminate()
            if not wait_gone(self.pid, PATIENCE_S):
                self.process.kill()
        self.process.wait()
        left = session_members(self.pid)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signals.SIGKILL)
        self.log.wait_end()
        self.out.wait_end()
        self._directory.cleanup()
        assert not left, f"processes left behind: {left}; the server said:\n{self.log.text}"

    def testimony(self) -> list[tuple[str, str]]:
        command = " ".join(self.args[1:])
        return [(f"log of {command}", self.log.text), (f"output of {command}", self.out.text[-20_000:])]


class Result:
    """How a command that ended by itself did."""

    def __init__(self, server: Server, code: int):
        self.code = code
        self.err = server.log.text
        self.out = server.out.text

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def run(*args: str, bind: Iterable[str] | None = None, **options) -> Result:
    """Run a pfork that ends by itself, and see that it leaves no process behind."""
    with Server(*args, bind=bind, wait=False, **options) as server:
        return Result(server, server.wait_exit())


def clean_environment(home: Path) -> dict[str, str]:
    """An environment in which only what a test says is said."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START") if name in os.environ
    }
    return kept | {
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(TESTS / "apps")]),
        "PYTHONUNBUFFERED": "1",
    }


def parse(address: str) -> Address:
    """``http://127.0.0.1:8000`` or ``unix:/path`` as the log has it."""
    if address.startswith("unix:"):
        return address.removeprefix("unix:")
    host, _, port = address.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


def url_of(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def wait_gone(pid: int, timeout: float = PATIENCE_S) -> bool:
    """Whether the process ends (it may remain as a zombie) within the timeout, in seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout)[0])
    finally:
        os.close(descriptor)


def session_members(session: int) -> list[int]:
    """The PIDs of a session's processes that still run."""
    members = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                members.append(pid)
    return members
