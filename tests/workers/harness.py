"""One worker without an arbiter: the test forks it, holds its channel and its scoreboard, and is its client.

``Worker(app)`` serves a callable of the test, or a target that is imported in the worker. The test hears what the
worker reports, and orders; nothing waits for time to pass.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

from pfork.base import ns
from pfork.config import AppSettings, BindSettings, HttpSettings, LogSettings, ProcessSettings, parse_address
from pfork.control import BootFailed, Drain, Order, Quit, Report, Seat, WorkerReady, decode, encode
from pfork.scoreboard import Scoreboard, SlotView, State
from pfork.sockets import Listener, open_all
from pfork.telemetry import setup_logs
from pfork.workers import Assignment, worker_main
from tests.e2e.raw import RawClient

PATIENCE_S = 30.0
"""The safety net of a test whose worker does not answer."""

GENERATION = 3
DUMP_SIGNAL = int(signal.SIGRTMIN) + 5


class Worker:
    """A worker process; a context manager. ``close`` ends it, whatever it does.

    ``http`` and ``processes`` are settings by name. ``slot`` and ``board`` let several workers share a scoreboard, and
    ``listeners`` lets them share sockets; the one who opened them closes them.
    """

    def __init__(
        self,
        app: Any,
        *,
        kind: str = "auto",
        bind: tuple[str, ...] = ("127.0.0.1:0",),
        listeners: tuple[Listener, ...] | None = None,
        board: Scoreboard | None = None,
        slot: int = 0,
        http: dict[str, Any] | None = None,
        processes: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        logs: dict[str, Any] | None = None,
        in_child: Callable[[], None] = lambda: None,
        wait: bool = True,
    ) -> None:
        target = app if isinstance(app, str) else "app_of_the_test:app"
        self._app = app
        self._in_child = in_child
        self._owns_listeners = listeners is None
        self.listeners = listeners or open_all(BindSettings(bind=tuple(parse_address(text) for text in bind)))
        self.board = board or Scoreboard(8, 8)
        self.slot = slot
        self.board.claim(slot, generation=GENERATION, now_ns=time.monotonic_ns())
        self._log_reader, self._log_writer = os.pipe()
        os.set_blocking(self._log_reader, False)
        self._log = b""
        self._dump_fd = os.memfd_create("worker-stacks")
        self.channel, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._theirs.setblocking(False)
        self.channel.settimeout(PATIENCE_S)
        self._assignment = Assignment(
            seat=Seat(slot, GENERATION, self._theirs, self._dump_fd, DUMP_SIGNAL),
            listeners=self.listeners,
            slot=self.board.writer(slot, is_shared=True),
            app=AppSettings(wsgi_app=target, **(settings or {})),
            processes=ProcessSettings(worker_class=kind, **(processes or {})),
            http=HttpSettings(**(http or {})),
            logs=LogSettings(loglevel="debug", **(logs or {})),
        )
        self.exit_code: int | None = None
        self.pid = self._fork()
        self._theirs.close()
        os.close(self._log_writer)
        self.board.set_pid(slot, self.pid)
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # What it says

    @property
    def log(self) -> str:
        """All it has logged, or printed."""
        self._read_log()
        return self._log.decode(errors="replace")

    def wait_log(self, text: str) -> None:
        """Until it has logged this."""
        while text not in self.log:
            if not select.select([self._log_reader], [], [], PATIENCE_S)[0] or not self._read_log():
                raise AssertionError(f"the worker did not log {text!r}; its log:\n{self.log}")

    def _read_log(self) -> bool:
        """Take what there is. False at the end of it."""
        try:
            while piece := os.read(self._log_reader, 65536):
                self._log += piece
        except BlockingIOError:
            return True
        return False

    @property
    def stacks(self) -> str:
        """What it has written when it was sent DUMP_SIGNAL."""
        return os.pread(self._dump_fd, os.fstat(self._dump_fd).st_size, 0).decode()

    @property
    def view(self) -> SlotView:
        """Its slot of the scoreboard, now."""
        return self.board.read(self.slot)

    def report(self) -> Report | None:
        """Its next report; None when it is gone."""
        packet = self.channel.recv(65536)
        if not packet:
            return None
        report = decode(packet)
        assert isinstance(report, Report), report
        return report

    def wait_ready(self) -> None:
        report = self.report()
        if not isinstance(report, WorkerReady):
            text = report.text if isinstance(report, BootFailed) else report
            raise AssertionError(f"the worker is not ready: {text}\nits log:\n{self.log}")
        self.board.set_state(self.slot, State.READY)

    def wait(self) -> int:
        """Its exit code, when it has ended; -N if a signal killed it."""
        if self.exit_code is None:
            pidfd = os.pidfd_open(self.pid)
            try:
                if not select.select([pidfd], [], [], PATIENCE_S)[0]:
                    raise AssertionError(f"the worker goes on; its log:\n{self.log}")
            finally:
                os.close(pidfd)
            self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.exit_code

    # What is done to it

    def order(self, order: Order) -> None:
        self.channel.send(encode(order))

    def drain(self, *, empty_backlog: bool = False, seconds: float = PATIENCE_S) -> None:
        """Order it to drain, as the arbiter does."""
        self.board.order_drain(self.slot)
        self.order(Drain(time.monotonic_ns() + ns(seconds), empty_backlog))

    def quit(self) -> None:
        self.order(Quit())

    def hang_up(self) -> None:
        """Leave it an orphan."""
        self.channel.close()

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def connect(self, *, listener: int = 0, **options: Any) -> RawClient:
        """A client."""
        name = self.listeners[listener].sock.getsockname()
        return RawClient(name if isinstance(name, str) else name[:2], **options)

    def close(self) -> None:
        """The end of it."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.channel.close()
        if self._owns_listeners:
            for listener in self.listeners:
                listener.close(unlink=True)
        self._read_log()
        os.close(self._log_reader)
        os.close(self._dump_fd)

    def _fork(self) -> int:
        with warnings.catch_warnings():
            # Other tests' threads may exist; the child uses nothing of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            code = 99
            try:
                self._become_worker()
                code = worker_main(self._assignment)
            except BaseException as error:
                os.write(self._log_writer, f"the harness failed: {error!r}\n".encode())
            finally:
                os._exit(code)
        return pid

    def _become_worker(self) -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: the test's process may be killed
        self.channel.close()
        for fd in (1, 2):
            os.dup2(self._log_writer, fd)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        setup_logs(self._assignment.logs)
        if not isinstance(self._app, str):
            module = types.ModuleType("app_of_the_test")
            vars(module)["app"] = self._app
            sys.modules[module.__name__] = module
        self._in_child()


class Gate:
    """A place where an app of the test waits until the test lets it go. Made before the worker is forked."""

    def __enter__(self) -> Gate:
        self._app, self._test = socket.socketpair()
        self._test.settimeout(PATIENCE_S)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._app.close()
        self._test.close()

    # In the app

    def hold(self) -> None:
        """Say that the app is here, and wait."""
        self.tell()
        self._app.recv(1)

    def tell(self) -> None:
        """Say that the app is here, and go on."""
        self._app.send(b".")

    # In the test

    def wait(self, times: int = 1) -> None:
        """Until the app is here."""
        for _ in range(times):
            assert self._test.recv(1) == b"."

    def let_go(self, times: int = 1) -> None:
        """Of as many as wait, or will wait."""
        self._test.send(b"." * times)
