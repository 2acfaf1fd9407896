"""The access log: what its lines say, and when they are written."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pfork.base import ConfigError
from pfork.config import LogSettings
from pfork.telemetry import AccessLog, setup_logs
from pfork.telemetry.access import BATCH
from pfork.telemetry.atoms import _timestamp, compile_format

from .child import Child, Talk


@dataclass
class Answered:
    """A request and its response, made up."""

    remote_addr: str | None = "192.0.2.7"
    method: str = "GET"
    target: str = "/a/b?c=d"
    path: str = "/a/b"
    query: str = "c=d"
    protocol: str = "HTTP/1.1"
    status: str = "200"
    bytes_sent: int = 1234
    duration_ns: int = 2_034_567_890
    request: dict[str, str] = field(default_factory=dict)
    response: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    def request_header(self, name: str) -> str | None:
        return self.request.get(name)

    def response_header(self, name: str) -> str | None:
        return self.response.get(name)

    def variable(self, name: str) -> str | None:
        return self.environ.get(name)


def basic(code: str) -> Answered:
    return Answered(request={"authorization": code})


# Format, what was answered, and the line.
LINES: list[tuple[str, Answered, str]] = [
    ("%(h)s", Answered(), "192.0.2.7"),
    ("%(h)s", Answered(remote_addr=None), "-"),
    ("%(l)s", Answered(), "-"),
    ("%(r)s", Answered(method="POST"), "POST /a/b?c=d HTTP/1.1"),
    ("%(m)s %(U)s %(q)s %(H)s", Answered(), "GET /a/b c=d HTTP/1.1"),
    ("%(q)s", Answered(query=""), ""),
    ("%(s)s", Answered(status="404"), "404"),
    ("%(b)s %(B)s", Answered(), "1234 1234"),
    ("%(b)s %(B)s", Answered(bytes_sent=0), "- 0"),
    ("%(f)s %(a)s", Answered(), "- -"),
    ("%(f)s %(a)s", Answered(request={"referer": "/r", "user-agent": "curl/8"}), "/r curl/8"),
    ("%(T)s %(M)s %(D)s %(L)s", Answered(), "2 2034 2034567 2.034567"),
    ("%(T)s %(M)s %(D)s %(L)s", Answered(duration_ns=999), "0 0 0 0.000000"),
    ("%(p)s", Answered(), f"<{os.getpid()}>"),
    ("%({User-Agent}i)s", Answered(request={"user-agent": "curl/8"}), "curl/8"),
    ("%({Content-Type}o)s", Answered(response={"content-type": "text/html"}), "text/html"),
    ("%({wsgi.url_scheme}e)s", Answered(environ={"wsgi.url_scheme": "http"}), "http"),
    ("%({x}i)s %({x}o)s %({x}e)s", Answered(), "- - -"),
    ("100%% %(s)s", Answered(), "100% 200"),
    ("no atom \u2026", Answered(), "no atom \u2026"),
    ("%(s)5s|%(s)-5s|%(B)06d", Answered(), "  200|200  |001234"),
    # RFC 7617's own example, and what is not one.
    ("%(u)s", basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "Aladdin"),
    ("%(u)s", basic("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "Aladdin"),
    ("%(u)s", basic("Basic IjpvcGVu"), r"\x22"),  # ":open after a quote
    ("%(u)s", Answered(), "-"),
    ("%(u)s", basic("Bearer QWxhZGRpbjpvcGVu"), "-"),
    ("%(u)s", basic("Basic Og=="), "-"),  # an empty user
    ("%(u)s", basic("Basic QWxhZGRpbg=="), "-"),  # no colon
    ("%(u)s", basic("Basic /////w=="), "-"),  # no UTF-8
    ("%(u)s", basic("Basic A"), "-"),
    ("%(u)s", basic("Basic \u00e9"), "-"),
    ("%(u)s", basic("Basic \u20ac"), "-"),
    ("%(u)s", basic("Basic"), "-"),
]


@pytest.mark.parametrize(("text", "exchange", "line"), LINES)
def test_line_says(text: str, exchange: Answered, line: str) -> None:
    assert compile_format(text)(exchange) == line


ESCAPED = [
    ('" 200 9 "forged', r"\x22 200 9 \x22forged"),
    ("back\\slash", r"back\x5Cslash"),
    ("two\nlines", r"two\x0Alines"),
    ("two\rlines", r"two\x0Dlines"),
    ("two\u2028lines", r"two\xE2\x80\xA8lines"),
    ("\x1b[31mred", r"\x1B[31mred"),
    ("\x00\x7f", r"\x00\x7F"),
    ("\xff", r"\xFF"),
    ("\udcff", r"\xED\xB3\xBF"),
    (" !#[]~", " !#[]~"),
]


@pytest.mark.parametrize(("value", "shown"), ESCAPED)
@pytest.mark.parametrize("atom", ["h", "m", "U", "q", "f", "a", "{x}i", "{x}o", "{x}e"])
def test_nobody_can_forge_a_line(atom: str, value: str, shown: str) -> None:
    exchange = Answered(
        remote_addr=value,
        method=value,
        path=value,
        query=value,
        request={"referer": value, "user-agent": value, "x": value},
        response={"x": value},
        environ={"x": value},
    )
    line = compile_format(f"%({atom})s")
    assert line(exchange) == shown
    assert line(exchange) == shown  # also when it is known already


@pytest.mark.parametrize(("value", "shown"), ESCAPED)
def test_nobody_can_forge_a_request_line(value: str, shown: str) -> None:
    assert compile_format("%(r)s")(Answered(target=value)) == f"GET {shown} HTTP/1.1"


def test_default_format_is_the_combined_log() -> None:
    line = compile_format(LogSettings().access_log_format)(Answered(request={"user-agent": "curl/8"}))
    assert re.fullmatch(
        r"192\.0\.2\.7 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
        r' "GET /a/b\?c=d HTTP/1\.1" 200 1234 "-" "curl/8"',
        line,
    )


@pytest.fixture
def in_india() -> Iterator[None]:
    """Half an hour off the full one, and no summer time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "IST-5:30"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_time_is_local_with_its_offset(in_india: None) -> None:
    assert _timestamp(1_795_519_244) == "[24/Nov/2026:16:50:44 +0530]"


FAULTS = [
    ("%(x)s", ["character 1: %(x)s is not an atom"]),
    ("ok %(h)s %(hh)s", ["character 10: %(hh)s is not an atom"]),
    ("%(h)s %", ["character 7: a % must begin an atom"]),
    ("%(h %(s)s", ["character 1: a % must begin an atom"]),
    ("%h", ["character 1: a % must begin an atom"]),
    ("50% off", ["character 3: a % must begin an atom"]),
    ("%({x}z)s", ["character 1: %({x}z)s is not an atom"]),
    ("%({}i)s", ["character 1: %({}i)s is not an atom"]),
    ("%()s", ["character 1: %()s is not an atom"]),
    ("%(h)d", ["character 1: %(h)d must end in s"]),
    ("%(D)x", ["character 1: %(D)x must end in s or d"]),
    ("%(x)s %(h)s %(y)s", ["character 1: %(x)s is not an atom", "character 13: %(y)s is not an atom"]),
]


@pytest.mark.parametrize(("text", "faults"), FAULTS)
def test_wrong_format_says_where_what_and_what_there_is(text: str, faults: list[str]) -> None:
    for attempt in (AccessLog.open, AccessLog.check):
        with pytest.raises(ConfigError) as caught:
            attempt(LogSettings(accesslog="-", access_log_format=text))
        lines = str(caught.value).splitlines()
        assert len(lines) == len(faults)
        for line, fault in zip(lines, faults, strict=True):
            assert line.startswith(f"access_log_format: {fault}")
        assert "%(h)s client address" in caught.value.hint


# The file.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access"


@pytest.fixture
def access(path: Path) -> Iterator[AccessLog]:
    log = AccessLog.open(LogSettings(accesslog=str(path), access_log_format="%(U)s"))
    assert log is not None
    yield log
    log.close()


def test_no_access_log_unless_one_is_wanted() -> None:
    assert AccessLog.open(LogSettings()) is None
    AccessLog.check(LogSettings())


def test_lines_are_written_by_flush(access: AccessLog, path: Path) -> None:
    access.log(Answered(path="/1"))
    access.log(Answered(path="/2"))
    assert path.read_text() == ""
    access.flush()
    assert path.read_text() == "/1\n/2\n"
    access.flush()
    assert path.read_text() == "/1\n/2\n"


def test_a_batch_is_one_write() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def work(talk: Talk) -> None:
        access = AccessLog.open(LogSettings(accesslog="-", access_log_format="%(U)s"))
        assert access is not None
        access.log(Answered(path="/1"))
        access.log(Answered(path="/2"))
        access.flush()

    with ours, theirs, Child(work, stream=1, fd=theirs.fileno()):
        assert ours.recv(65536) == b"/1\n/2\n"


def test_a_long_batch_flushes_itself(access: AccessLog, path: Path) -> None:
    for _ in range(BATCH // 1000 + 1):
        access.log(Answered(path="x" * 999))
    assert path.stat().st_size > 0


def test_close_writes_what_is_there(path: Path) -> None:
    other = AccessLog.open(LogSettings(accesslog=str(path), access_log_format="%(U)s"))
    assert other is not None
    other.log(Answered(path="/last"))
    other.close()
    assert path.read_text() == "/last\n"


def test_reopen_follows_a_rotation(access: AccessLog, path: Path) -> None:
    access.log(Answered(path="/old"))
    path.rename(path.with_suffix(".1"))
    access.reopen()
    access.log(Answered(path="/new"))
    access.flush()
    assert path.with_suffix(".1").read_text() == "/old\n"
    assert path.read_text() == "/new\n"


def test_reopen_that_fails_is_reported_and_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    access = AccessLog.open(LogSettings(accesslog=str(tmp_path / "logs" / "access"), access_log_format="%(U)s"))
    assert access is not None
    setup_logs(LogSettings(errorlog=str(tmp_path / "error")))
    (tmp_path / "logs").rename(tmp_path / "moved")
    access.reopen()
    access.log(Answered(path="/on"))
    access.close()
    assert (tmp_path / "moved" / "access").read_text() == "/on\n"
    assert "the access log cannot be reopened, the old one is still written" in (tmp_path / "error").read_text()


def test_check_finds_what_open_would_and_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    AccessLog.check(LogSettings(accesslog=str(tmp_path / "access")))
    assert not (tmp_path / "access").exists()
    for path in (tmp_path, tmp_path / "none" / "access", tmp_path / "file" / "access"):
        for attempt in (AccessLog.open, AccessLog.check):
            with pytest.raises(ConfigError, match=r"accesslog = .*: the log cannot be written: it"):
                attempt(LogSettings(accesslog=str(path)))


def test_threads_lose_no_line(access: AccessLog, path: Path) -> None:
    def work() -> None:
        for _ in range(2_000):
            access.log(Answered())
            access.flush()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    access.flush()
    assert path.read_text() == "/a/b\n" * 8_000


def test_lines_of_workers_that_share_a_pipe_stay_whole() -> None:
    """The pipe is full most of the time, and batches are longer than what a pipe takes in one piece."""
    reader, writer = os.pipe()

    def work(name: str) -> None:
        access = AccessLog.open(LogSettings(accesslog="-", access_log_format="%(U)s"))
        assert access is not None
        for _ in range(300):
            for _ in range(90):
                access.log(Answered(path=name * 99))
            access.flush()

    with (
        Child(lambda talk: work("a"), stream=1, fd=writer),
        Child(lambda talk: work("b"), stream=1, fd=writer),
    ):
        os.close(writer)
        data = b""
        while piece := os.read(reader, 3_000):
            data += piece
    os.close(reader)
    assert set(data.decode().splitlines()) == {"a" * 99, "b" * 99}


def test_dropped_lines_are_reported_in_the_error_log(tmp_path: Path) -> None:
    reader, writer = os.pipe()

    def work(talk: Talk) -> None:
        setup_logs(LogSettings(errorlog=str(tmp_path / "error")))
        access = AccessLog.open(LogSettings(accesslog="-", access_log_format="%(U)s"))
        assert access is not None
        for _ in range(10_000):
            access.log(Answered(path="x" * 99))
        for _ in range(4):
            access.flush()
            talk.say("logged")
            talk.expect("on")
            access.log(Answered(path="x" * 99))
        access.flush()
        logging.getLogger("pfork.error").info("end")

    with Child(work, stream=1, fd=writer) as child:
        os.set_blocking(reader, False)
        lines = 0
        for _ in range(4):
            child.talk.expect("logged")
            lines += read_lines(reader)
            child.talk.say("on")
    lines += read_lines(reader)
    os.close(reader)
    os.close(writer)
    notice, _ = (tmp_path / "error").read_text().splitlines()
    dropped = re.search(r"\[WARNING\] (\d+) access log lines dropped: the log could not be written$", notice)
    assert dropped
    assert lines + int(dropped[1]) == 10_004


def read_lines(fd: int) -> int:
    """How many lines a non-blocking descriptor gives now."""
    count = 0
    while True:
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            return count
        count += piece.count(b"\n")
