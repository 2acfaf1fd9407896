"""Apps that raise, lie about their length or return what is no response: the client learns it, the log says it."""

import http.client

import pytest

from tests.e2e import lines
from tests.e2e.kinds import KINDS, every_kind

BROKEN = {
    "raises": "RuntimeError: the app raised",
    "wrong-type": "wrong-type",
    "wrong-status-type": "wrong-status-type",
    "no-start": "no-start",
    "split-header": "split-header",
}


@every_kind
@pytest.mark.parametrize(("page", "says"), BROKEN.items(), ids=BROKEN)
def test_app_that_fails_before_its_head_is_answered_500(shared, args, page, says):
    one = shared(*args)
    mark = one.log.mark()
    with one.raw() as client:
        answer = client.get(f"/{page}?mark=1").answer()
        assert answer.status == 500
        assert b"Traceback" not in answer.body
        assert b"Set-Cookie" not in answer.body
        assert "Set-Cookie" not in answer.headers
    one.wait_line(says, since=mark)
    request = one.wait_line(rf"(?P<line>GET '?/{page})", since=mark)  # the log names the request
    assert request["line"]
    assert one.get("/").text == "hello"


@every_kind
def test_app_that_raises_before_its_head_has_its_traceback_logged_with_its_own_frames(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    assert one.get("/raises").status_code == 500
    one.wait_line("RuntimeError: the app raised", since=mark)
    said = "\n".join(one.log.lines[mark:])
    assert said.count(lines.TRACEBACK) == 1
    assert "_probe.py" in said
    assert "/src/pfork/" not in said


@every_kind
def test_app_that_raises_after_its_first_byte_has_its_connection_cut(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    with one.raw() as client:
        client.get("/raises-midway")
        head = client.read_head()
        assert head.startswith(b"HTTP/1.1 200 ")
        assert client.read_rest() == b"first"
    one.wait_line("RuntimeError: the app raised midway", since=mark)
    one.wait_line(r"GET '?/raises-midway", since=mark)
    assert one.get("/").text == "hello"


@every_kind
def test_body_piece_of_a_wrong_type_is_an_error(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    with one.raw() as client:
        client.get("/wrong-body-type")
        assert client.answer().status == 500
    one.wait_line(r"bytes.*str|str.*bytes", since=mark)
    assert one.get("/").text == "hello"


@every_kind
def test_more_bytes_than_announced_never_reach_the_client(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    with one.raw() as client:
        answer = client.get("/too-many").answer()
        assert (answer.status, answer.body) == (200, b"hello")
        client.send_gently(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        rest = client.read_rest()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 200 OK\r\n"), "what was too much is taken for no answer"
    one.wait_line(r"/too-many", since=mark)


@every_kind
def test_fewer_bytes_than_announced_are_not_taken_for_a_whole_response(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    with one.raw() as client:
        client.get("/too-few")
        try:
            answer = client.answer()
        except (http.client.IncompleteRead, ConnectionError):
            assert client.read_rest() == b"", "the connection is closed: nothing can be told apart from the body"
        else:
            assert answer.status == 500
    one.wait_line(r"/too-few", since=mark)
    assert one.get("/").text == "hello"


@every_kind
def test_app_that_exits_in_a_request_does_not_take_the_server_along(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    with one.raw() as client:
        assert client.get("/exits").answer().status == 500
    one.wait_line("SystemExit: 7", since=mark)
    assert one.get("/").text == "hello"
    assert not one.log.all(lines.EXITED, since=mark)


def test_asgi_app_that_returns_without_a_response_is_answered_500(shared):
    one = shared(*KINDS["async"])
    mark = one.log.mark()
    with one.raw() as client:
        assert client.get("/returns-early").answer().status == 500
    one.wait_line("/returns-early", since=mark)


@every_kind
def test_background_work_after_the_response_does_not_delay_it(shared, gate, args):
    one = shared(*args)
    with one.raw() as client:
        answer = client.get(f"/after?{gate.query}").answer()
        assert (answer.status, answer.body) == (200, b"hello")
        assert gate.wait().name == "after"


@every_kind
def test_streamed_response_is_sent_piece_by_piece(shared, gate, args):
    one = shared(*args)
    with one.raw() as client:
        client.get(f"/hold-midway?{gate.query}")
        assert b"Transfer-Encoding: chunked" in client.read_head()
        assert client.read(9) == b"6\r\nfirst\n", "the first piece is there while the app still makes the second"
        visit = gate.wait()
        visit.let_go()
        assert client.read(19) == b"\r\n7\r\nsecond\n\r\n0\r\n\r\n"
