"""A server without sockets: the real arbiter and real workers whose whole app is a word in a file."""

import faulthandler
import json
import logging
import os
import re
import select
import signal
import sys
from pathlib import Path

from pfork.base import Exit, PforkError, SystemClock, SystemPosix, ns
from pfork.config import ProcessSettings
from pfork.control import BootFailed, Drain, Quit, WorkerReady, decode, encode
from pfork.scoreboard import Scoreboard
from pfork.supervisor import Arbiter, Plan

PATIENCE_S = 20
"""A test that waits longer for a line has failed; none waits on time otherwise."""


def worker_main(seat, word, slot):
    """What a worker does, by its word."""
    say = seat.channel
    if word == "crash while starting":
        faulthandler.disable()  # pytest's would write to the terminal
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "cannot start":
        say.send(encode(BootFailed("import", Exit.BOOT, "Traceback: no module named x")))
        return int(Exit.BOOT)
    if word == "no app":
        say.send(encode(BootFailed("app", Exit.APP, "module x has no app")))
        return int(Exit.APP)
    if word == "hang while starting":
        faulthandler.register(seat.dump_signal, file=seat.dump_fd)
        while True:
            signal.pause()
    if word == "start slowly, once the stacks are asked for":
        faulthandler.register(seat.dump_signal, file=seat.dump_fd)
        signal.pause()
    say.send(encode(WorkerReady("sync", "wsgi")))
    if word == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    while True:
        select.select([say], [], [])
        packet = say.recv(65536)
        if not packet:
            return 0
        match decode(packet):
            case Drain() if word != "never drains":
                return 0
            case Quit():
                return 0


class FileBlueprint:
    """Settings are a JSON file: {"word": ..., and process settings}."""

    def __init__(self, path):
        self.path = path
        self.board = Scoreboard(slots=64, lanes=4)

    def plan(self, plain):
        word = plain.pop("word", "good")
        settings = ProcessSettings(**plain)
        return Plan("test", settings, lambda seat: worker_main(seat, word, self.board.writer(seat.slot)))

    def check(self):
        text = Path(self.path).read_text()
        if text == "hang":
            signal.pause()
        try:
            return json.loads(text)
        except ValueError as error:
            raise PforkError(f"{self.path}: {error}") from error

    def stage(self, plain):
        if plain.get("word") == "busy address":
            raise PforkError("127.0.0.1:80 is in use")
        return self.plan(plain)

    def commit(self):
        logging.getLogger("pfork.error").info("committed")

    def rollback(self):
        logging.getLogger("pfork.error").info("rolled back")

    def gate(self):
        logging.getLogger("pfork.error").info("gated")
        return 0.1

    def stop_listening(self):
        logging.getLogger("pfork.error").info("sockets closed")

    def reopen_logs(self):
        pass


class Server:
    """The arbiter in a child process; tests wait for what it logs."""

    def __init__(self, directory, **settings):
        self.path = directory / "settings.json"
        self.configure(**settings)
        self._reader, writer = os.pipe()
        self._rest = ""
        self.log = ""
        self._posix = SystemPosix()
        self.pid = self._posix.fork()
        if self.pid == 0:
            code = 99
            try:
                os.close(self._reader)
                code = self._serve(writer)
            finally:
                self._posix.exit_now(code)
        os.close(writer)
        self.status = None

    def _serve(self, writer):
        log = logging.getLogger("pfork.error")
        log.handlers = [logging.StreamHandler(os.fdopen(writer, "w"))]
        log.setLevel(logging.INFO)
        log.propagate = False
        sys.stderr = log.handlers[0].stream
        blueprint = FileBlueprint(self.path)
        plan = blueprint.plan(blueprint.check())
        return Arbiter(plan, blueprint, blueprint.board, posix=self._posix, clock=SystemClock()).run()

    def configure(self, **settings):
        self.path.write_text(json.dumps(settings))

    def send(self, name):
        os.kill(self.pid, getattr(signal, name))

    def wait_line(self, pattern):
        """The match of the next line that matches, after those already waited for."""
        deadline = SystemClock().monotonic_ns() + ns(PATIENCE_S)
        while True:
            line, newline, rest = self._rest.partition("\n")
            if newline:
                self._rest = rest
                if match := re.search(pattern, line):
                    return match
                continue
            left = (deadline - SystemClock().monotonic_ns()) / 1e9
            if left <= 0 or not select.select([self._reader], [], [], left)[0]:
                raise AssertionError(f"no line matched {pattern!r} in:\n{self.log}")
            text = os.read(self._reader, 65536).decode()
            if not text:
                raise AssertionError(f"the server ended; no line matched {pattern!r} in:\n{self.log}")
            self.log += text
            self._rest += text

    def wait_exit(self):
        """The exit code, and the rest of the log; only at its end have all processes that held the log ended."""
        while select.select([self._reader], [], [], PATIENCE_S)[0]:
            text = os.read(self._reader, 65536).decode()
            if not text:
                break
            self.log += text
        else:
            raise AssertionError(f"still running:\n{self.log}")
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.status = self._posix.reap(self.pid)
        return self.status.code

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)  # its workers hear that it is gone, and end
            self.wait_exit()
        os.close(self._reader)
