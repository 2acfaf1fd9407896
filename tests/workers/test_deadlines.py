"""Clients have deadlines. The tests set short ones, and wait for what the server does when they pass."""

import os
from functools import partial

import pytest

SHORT = 0.2


@pytest.fixture
def start(worker, tmp_path):
    """Workers on a unix socket: the kernel holds back a silent TCP client (TCP_DEFER_ACCEPT) for seconds."""
    return partial(worker, bind=(f"unix:{tmp_path}/sock",))


@pytest.fixture
def app(gate):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/big":
            gate.tell()
            start_response("200 OK", [("Content-Length", str(64 << 20))])
            return [b"x" * (64 << 20)]
        if environ["PATH_INFO"] == "/endless":
            return Endless(start_response, gate)
        if environ["PATH_INFO"] == "/hold":
            gate.hold()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    return app


class Endless:
    def __init__(self, start_response, gate):
        start_response("200 OK", [])
        self._gate = gate

    def __iter__(self):
        return self

    def __next__(self):
        return b"x" * (1 << 20)

    def close(self):
        self._gate.tell()


def test_a_client_that_says_nothing_is_closed_without_a_word(start, kind, app):
    one = start(app, kind=kind, http={"header_timeout": SHORT})
    with one.connect() as client:
        assert client.read_rest() == b""


SLOW = {
    "head": (b"GET / HTTP/1.1\r\nHo", "header_timeout"),
    "request line": (b"G", "header_timeout"),
    "body": (b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\na", "body_timeout"),
    "chunk": (b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na", "body_timeout"),
    "body that has not begun": (b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n", "body_timeout"),
}


@pytest.mark.parametrize("case", SLOW)
def test_a_request_that_does_not_come_to_its_end_is_answered_408(start, kind, app, case):
    data, setting = SLOW[case]
    one = start(app, kind=kind, http={setting: SHORT})
    with one.connect() as client:
        client.send(data)
        answer = client.answer()
        assert (answer.status, answer.closes) == (408, True)
        assert setting.encode() in answer.body
        assert client.read_rest() == b""


def test_a_second_request_has_the_same_deadlines(start, kind, app):
    one = start(app, kind=kind, http={"header_timeout": SHORT})
    with one.connect() as client:
        assert client.get("/").answer().status == 200
        client.send(b"GET / HT")
        assert client.answer().status == 408


def test_an_idle_connection_is_closed_without_a_word(start, kind, app):
    one = start(app, kind=kind, http={"keepalive": SHORT})
    with one.connect() as client:
        assert client.get("/").answer().closes is False
        assert client.read_rest() == b""


def test_no_connection_is_kept_where_keepalive_is_zero(start, kind, app):
    one = start(app, kind=kind, http={"keepalive": 0})
    with one.connect() as client:
        assert client.get("/").answer().closes
        assert client.read_rest() == b""


def test_a_client_that_stops_reading_is_cut(start, kind, app, gate):
    one = start(app, kind=kind, http={"send_timeout": SHORT})
    with one.connect() as client:
        client.get("/big")
        gate.wait()
        # Two requests of another client: the deadline passes between them, and nothing is left of the first client.
        with one.connect() as other:
            assert other.get("/").answer().status == 200
        one.drain()
        assert one.wait() == 0
        assert len(client.read_rest()) < 64 << 20


def test_an_app_that_writes_without_end_to_a_client_that_does_not_read_is_freed(start, kind, app, gate):
    one = start(app, kind=kind, http={"send_timeout": SHORT})
    with one.connect() as client:
        client.get("/endless")
        gate.wait()
        with one.connect() as other:
            assert other.get("/").answer().status == 200


def test_an_app_may_take_longer_than_any_deadline_of_clients(start, kind, app, gate):
    short = {"keepalive": SHORT, "header_timeout": SHORT, "body_timeout": SHORT, "send_timeout": SHORT}
    one = start(app, kind=kind, http=short, processes={"threads": 2})
    with one.connect() as client:
        client.get("/hold")
        gate.wait()
        with one.connect() as other:  # its end says that the deadlines have been looked at, if there is a second thread
            if kind == "thread":
                assert other.read_rest() == b""
            gate.let_go()
            assert client.answer().body == b"ok"


def test_what_has_come_while_the_worker_was_away_is_not_late(start, app, gate):
    """A sync worker inside a long call of the app reads nothing: that is not the client's fault."""
    one = start(app, kind="sync", http={"header_timeout": SHORT, "body_timeout": SHORT})
    with one.connect() as busy, one.connect() as waiting, one.connect() as clock:
        waiting.send(b"GET / HT")
        assert busy.get("/").answer().status == 200  # by now the first bytes have been read
        busy.get("/hold")
        gate.wait()
        waiting.send(b"TP/1.1\r\nHost: test\r\n\r\n")
        clock.sock.settimeout(2 * SHORT)
        with pytest.raises(TimeoutError):
            clock.read(1)  # nothing comes from a worker that is away
        gate.let_go()
        assert waiting.answer().status == 200


def test_an_idle_worker_waits_without_a_timeout(start, kind, app):
    """So it makes no periodic system call. After the last connection is gone, too."""
    one = start(app, kind=kind)
    assert waits_for_ever(one.pid)
    with one.connect() as client:
        client.get("/").answer()
        assert not waits_for_ever(one.pid)  # a connection has a deadline
        client.get("/", "Connection: close").answer()
        assert client.read_rest() == b""
    assert waits_for_ever(one.pid)


EPOLL_WAIT = {"x86_64": ("232", "281"), "aarch64": ("22",)}


def waits_for_ever(pid):
    """Whether the timeout of the epoll_wait(2) that a process sleeps in is -1. Looked up as soon as it sleeps there."""
    while True:
        with open(f"/proc/{pid}/syscall") as file:
            number, *arguments = file.read().split()
        if number in EPOLL_WAIT[os.uname().machine]:
            return int(arguments[3], 16) & 0xFFFFFFFF == 0xFFFFFFFF
