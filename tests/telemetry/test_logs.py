"""The error log: its lines, its files, and what happens when nobody takes the lines."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import socket
from pathlib import Path

import pytest

from pfork.base import ConfigError
from pfork.config import LogSettings
from pfork.telemetry import reopen_logs, set_identity, setup_logs
from pfork.telemetry.sink import LIMIT
from pfork.telemetry.streams import _Polled

from .child import Child, Talk

log = logging.getLogger("pfork.error")

HEAD = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] "


def log_to(path: Path | str, **settings: str) -> None:
    setup_logs(LogSettings(errorlog=str(path), **settings))


def read_all(fd: int) -> str:
    """What a non-blocking descriptor gives now."""
    data = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            break
        if not piece:
            break
        data += piece
    return data.decode()


# Lines.


def test_line_has_gunicorns_form(tmp_path: Path) -> None:
    log_to(tmp_path / "log")
    log.info("listening at %s", "http://127.0.0.1:8000")
    line = (tmp_path / "log").read_text()
    assert re.fullmatch(HEAD + rf"\[{os.getpid()}\] \[INFO\] listening at http://127.0.0.1:8000\n", line)


def test_identity_is_put_before_the_message(tmp_path: Path) -> None:
    log_to(tmp_path / "log")
    set_identity("worker=1 gen=2 pid=42")
    log.warning("ready")
    set_identity("")
    log.warning("alone")
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first.endswith(" [WARNING] worker=1 gen=2 pid=42 ready")
    assert second.endswith(" [WARNING] alone")


def test_level_is_the_settings_level(tmp_path: Path) -> None:
    log_to(tmp_path / "log", loglevel="warning")
    log.info("no")
    log.error("yes")
    assert "no" not in (tmp_path / "log").read_text()
    assert "yes" in (tmp_path / "log").read_text()


def test_lines_do_not_reach_the_root_logger(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log_to(tmp_path / "log")
    log.error("not for the app's handlers")
    assert caplog.records == []


def test_a_message_that_does_not_fit_its_arguments_is_reported_with_its_place(tmp_path: Path) -> None:
    log_to(tmp_path / "log")
    log.error("%d workers", "no number")
    text = (tmp_path / "log").read_text()
    assert f"[WARNING] {__file__}:" in text
    assert "a log message cannot be formatted: TypeError" in text


def test_text_that_is_no_unicode_is_written_somehow(tmp_path: Path) -> None:
    log_to(tmp_path / "log")
    log.error("caf\u00e9 \udcff")
    assert (tmp_path / "log").read_text(encoding="utf-8").endswith("caf\u00e9 \\udcff\n")


def test_access_logger_writes_bare_lines_to_the_access_log(tmp_path: Path) -> None:
    setup_logs(LogSettings(errorlog=str(tmp_path / "e"), accesslog=str(tmp_path / "a")))
    logging.getLogger("pfork.access").info("a line of the app's")
    assert (tmp_path / "a").read_text() == "a line of the app's\n"
    assert (tmp_path / "e").read_text() == ""


# Files.


def test_second_setup_replaces_the_first(tmp_path: Path) -> None:
    log_to(tmp_path / "one")
    log_to(tmp_path / "two")
    log.info("once")
    assert (tmp_path / "one").read_text() == ""
    assert len((tmp_path / "two").read_text().splitlines()) == 1


def test_setup_that_fails_leaves_the_old_log(tmp_path: Path) -> None:
    log_to(tmp_path / "log")
    with pytest.raises(ConfigError):
        setup_logs(LogSettings(errorlog=str(tmp_path / "new"), accesslog=str(tmp_path)))
    log.info("still here")
    assert "still here" in (tmp_path / "log").read_text()


def test_files_are_appended_to(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    log_to(tmp_path / "log")
    log.info("after")
    assert (tmp_path / "log").read_text().startswith("before\n[")


def test_reopen_follows_a_rotation(tmp_path: Path) -> None:
    log_to(tmp_path / "log")
    log.info("old")
    (tmp_path / "log").rename(tmp_path / "log.1")
    reopen_logs()
    log.info("new")
    assert "new" not in (tmp_path / "log.1").read_text()
    assert "old" not in (tmp_path / "log").read_text()


def test_reopen_finds_a_relative_file_from_another_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log_to("log")
    monkeypatch.chdir("/")
    (tmp_path / "log").unlink()
    reopen_logs()
    assert (tmp_path / "log").exists()


def test_reopen_that_fails_is_reported_in_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log_to(tmp_path / "logs" / "log")
    (tmp_path / "logs").rename(tmp_path / "moved")
    reopen_logs()
    assert "a log file cannot be reopened, the old one is still written" in (tmp_path / "moved" / "log").read_text()


def test_reopen_includes_the_file_handlers_of_the_app(tmp_path: Path) -> None:
    path = tmp_path / "app"
    app_log = logging.getLogger("tests.telemetry.app")
    handlers = [logging.FileHandler(path), logging.FileHandler(tmp_path / "lazy", delay=True)]
    app_log.handlers = list(handlers)
    try:
        path.rename(tmp_path / "app.1")
        reopen_logs()
        app_log.error("new")
        assert path.read_text() == "new\n"
    finally:
        app_log.handlers = []
        for handler in handlers:
            handler.close()


def test_log_file_that_cannot_be_written_says_which_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    cases = {
        tmp_path / "none" / "log": "its directory does not exist",
        tmp_path / "file" / "log": "its directory is not a directory",
        tmp_path: "it is a directory",
        tmp_path / "pipe": "nobody reads from it",
    }
    for path, reason in cases.items():
        with pytest.raises(ConfigError) as caught:
            log_to(path)
        assert str(caught.value) == f"errorlog = {str(path)!r}: the log cannot be written: {reason}"
        assert caught.value.hint


# Destinations that do not take what they are given.


def test_a_traceback_is_one_write() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def work(talk: Talk) -> None:
        log_to("-")
        try:
            raise ValueError("deep")
        except ValueError:
            log.exception("request failed")

    with ours, theirs, Child(work, stream=2, fd=theirs.fileno()):
        packet = ours.recv(65536).decode()
    lines = packet.splitlines()
    assert lines[0].endswith("[ERROR] request failed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: deep"


def flood(lines: int, start: int = 0) -> None:
    for number in range(start, start + lines):
        log.error("line %d %s", number, "x" * 100)


def unbroken_lines(text: str) -> list[int]:
    """The numbers of the flood's lines, all of them whole."""
    form = re.compile(HEAD + r"\[\d+\] \[ERROR\] line (\d+) x{100}")
    found = [form.fullmatch(line) for line in text.splitlines()]
    assert all(found), [line for line in text.splitlines() if not form.fullmatch(line)]
    return [int(match[1]) for match in found if match]


FLOOD, ROUNDS = 10_000, 3


def check_flood(reader: int, writer: int, talk: Talk) -> None:
    """A child floods its log, which nobody reads; then somebody does, in rounds, for the rest comes in pieces."""
    text = ""
    os.set_blocking(reader, False)
    for _ in range(1 + ROUNDS):
        talk.expect("logged")
        text += read_all(reader)
        talk.say("on")
    (notice,) = [line for line in text.splitlines() if "[WARNING]" in line]
    dropped = re.search(r"\] (\d+) log lines dropped: the log could not be written$", notice)
    assert dropped
    numbers = unbroken_lines(text.replace(notice + "\n", ""))
    assert numbers == sorted(numbers)
    assert numbers[-1] == FLOOD + ROUNDS - 1
    assert len(numbers) + int(dropped[1]) == FLOOD + ROUNDS
    assert not fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK


def flood_and_go_on(talk: Talk) -> None:
    log_to("-")
    flood(FLOOD)
    for number in range(ROUNDS):
        talk.say("logged")
        talk.expect("on")
        flood(1, FLOOD + number)
    talk.say("logged")
    talk.expect("on")


def test_a_pipe_that_nobody_reads_drops_lines_counts_them_and_goes_on() -> None:
    reader, writer = os.pipe()
    try:
        with Child(flood_and_go_on, stream=2, fd=writer) as child:
            check_flood(reader, writer, child.talk)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_socket_that_nobody_reads_drops_lines_counts_them_and_goes_on() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Child(flood_and_go_on, stream=2, fd=theirs.fileno()) as child:
        check_flood(ours.fileno(), theirs.fileno(), child.talk)


def test_a_pipe_can_be_asked_first_where_it_cannot_be_opened_anew() -> None:
    reader, writer = os.pipe()
    polled = _Polled(writer)
    try:
        sent = polled.send(b"x" * 10 * LIMIT)
        assert 0 < sent < 10 * LIMIT
        assert polled.send(b"x") == 0
        assert len(os.read(reader, 10 * LIMIT)) == sent
        assert polled.send(b"x" * 10_000) == 10_000
    finally:
        polled.close()
        os.close(reader)


def test_a_pipe_whose_reader_is_gone_raises_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    def work(talk: Talk) -> None:
        log_to("-")
        flood(2_000)

    with Child(work, stream=2, fd=writer):
        os.close(writer)


def test_a_closed_stream_raises_nothing_and_writes_into_nobody_elses_file(tmp_path: Path) -> None:
    def work(talk: Talk) -> None:
        log_to("-")
        fd = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
        assert fd == 2
        flood(10)

    with Child(work, stream=2, fd=None):
        pass
    assert (tmp_path / "other").read_text() == ""


def test_an_app_that_closes_stderr_does_not_close_the_log(tmp_path: Path) -> None:
    def work(talk: Talk) -> None:
        log_to("-")
        os.close(2)
        os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
        flood(10)

    with open(tmp_path / "log", "wb") as file, Child(work, stream=2, fd=file.fileno()):
        pass
    assert len(unbroken_lines((tmp_path / "log").read_text())) == 10
    assert (tmp_path / "other").read_text() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_raises_nothing() -> None:
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError) as caught:
        full.write(b"x")
    assert caught.value.errno == errno.ENOSPC
    log_to("/dev/full")
    flood(2_000)


@pytest.mark.parametrize("name", ["-", "/dev/stderr"])
def test_stderr_has_two_names_and_may_be_a_socket(name: str) -> None:
    ours, theirs = socket.socketpair()

    def work(talk: Talk) -> None:
        log_to(name)
        flood(1)

    with ours, theirs, Child(work, stream=2, fd=theirs.fileno()):
        assert unbroken_lines(ours.recv(65536).decode()) == [0]


def test_a_forked_process_does_not_repeat_what_its_parent_could_not_write() -> None:
    reader, writer = os.pipe()

    def work(talk: Talk) -> None:
        log_to("-")
        flood(FLOOD)
        talk.say("logged")
        talk.expect("on")
        with Child(lambda talk: log.error("of the child"), stream=1, fd=os.open(os.devnull, os.O_WRONLY)):
            pass
        talk.say("logged")
        talk.expect("on")
        for number in range(ROUNDS):
            flood(1, FLOOD + number)
            talk.say("logged")
            talk.expect("on")

    text = ""
    try:
        with Child(work, stream=2, fd=writer) as child:
            os.set_blocking(reader, False)
            for _ in range(2 + ROUNDS):
                child.talk.expect("logged")
                text += read_all(reader)
                child.talk.say("on")
    finally:
        os.close(reader)
        os.close(writer)
    others = [line for line in text.splitlines() if "] line " not in line]
    child_line, notice = others
    assert child_line.endswith("] of the child")
    assert "log lines dropped" in notice
    numbers = unbroken_lines("\n".join(line for line in text.splitlines() if "] line " in line))
    assert numbers == sorted(set(numbers))
