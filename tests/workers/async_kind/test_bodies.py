"""Bodies, both ways: whole, in pieces, slowly, unwanted and broken."""

import pytest

from .apps import CHUNKED, MIB, POST, peak_memory

BODIES = {"nothing": 0, "little": 10, "just small": 65536, "just large": 65537, "large": 3 * MIB + 1}


@pytest.mark.parametrize("size", BODIES.values(), ids=BODIES)
def test_a_body_arrives_whole(run, app, size):
    one = run(app)
    body = bytes(range(256)) * (size // 256 + 1)
    with one.connect() as client:
        client.send(POST % (b"/echo", size) + body[:size])
        assert client.answer().body == body[:size]
        assert client.get("/").answer().body == b"ok"


def test_a_small_body_that_comes_late_reaches_the_app_in_one_message(run, app):
    one = run(app)
    with one.connect() as client, one.connect() as other:
        client.send(POST % (b"/mirror", 6) + b"abc")
        other.get("/").answer()  # so the half has been read
        client.send(b"def")
        reply = client.answer()
        assert reply.body == b"abcdef"


def test_chunks_are_streamed_both_ways(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(CHUNKED % b"/mirror" + b"3\r\nabc\r\n")
        assert client.read_head().startswith(b"HTTP/1.1 200")
        assert client.read(8) == b"3\r\nabc\r\n"
        client.send(b"4\r\ndefg\r\n")
        assert client.read(9) == b"4\r\ndefg\r\n"
        client.send(b"0\r\nX-Sum: 1\r\n\r\n")
        assert client.read(5) == b"0\r\n\r\n"
        assert client.get("/").answer().body == b"ok"


@pytest.mark.slow
def test_an_upload_waits_for_a_slow_app(run, app, gate):
    one = run(app)
    size = 64 * MIB
    with one.connect(timeout=1.0) as client:
        client.send(POST % (b"/count", size))
        gate.wait()
        before = peak_memory(one.pid)
        sent = 0
        with pytest.raises(TimeoutError):  # no more is taken
            while sent < size:
                sent += client.sock.send(b"x" * min(MIB, size - sent))
        assert sent < size
        client.sock.settimeout(30)
        gate.let_go()
        while sent < size:
            sent += client.sock.send(b"x" * min(MIB, size - sent))
        assert client.answer().body == b"%d" % size
        assert peak_memory(one.pid) - before < 8 * MIB


@pytest.mark.slow
def test_an_app_waits_for_a_slow_reader(run, app):
    one = run(app)
    with one.connect() as client, one.connect() as other:
        assert other.get("/").answer().body == b"ok"
        before = peak_memory(one.pid)
        client.get("/big?mib=64")
        assert other.get("/").answer().body == b"ok"
        assert len(client.answer().body) == 64 * MIB
        assert peak_memory(one.pid) - before < 16 * MIB


def test_a_client_that_waits_to_be_asked_is_asked_when_the_app_reads(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.send(POST[:-2] % (b"/count", 4) + b"Expect: 100-continue\r\n\r\n")
        gate.wait()
        assert not client.has_news(0)
        gate.let_go()
        assert client.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"body")
        assert client.answer().body == b"4"
        assert client.get("/").answer().body == b"ok"


def test_a_client_that_waits_in_vain_gets_its_answer(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(POST[:-2] % (b"/drop", 4) + b"Expect: 100-continue\r\n\r\n")
        reply = client.answer()
        assert (reply.body, reply.closes) == (b"not read", True)
        assert client.read_rest() == b""


def test_the_answer_to_an_upload_that_nobody_reads_arrives(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(POST % (b"/drop", 8 * MIB))
        client.send_gently(b"x" * MIB)
        reply = client.answer()
        assert (reply.body, reply.closes) == (b"not read", True)


def test_a_body_that_turns_bad_is_refused_while_the_app_waits(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.send(CHUNKED % b"/count" + b"3\r\nabc\r\n")
        gate.wait()
        gate.let_go()
        client.send(b"zz\r\n")
        assert client.answer().status == 400
    assert "ERROR" not in one.log


def test_a_body_that_turns_bad_after_the_response_has_begun_cuts_it(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(CHUNKED % b"/mirror" + b"3\r\nabc\r\n")
        client.read_head()
        client.read(8)
        client.send(b"zz\r\n")
        assert client.read_rest() == b""
    assert "ERROR" not in one.log
