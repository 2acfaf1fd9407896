"""Requests and responses over one connection, for both kinds on the reactor."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.workers.harness import Worker


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/echo":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    if path == "/digest":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [hashlib.sha256(environ["wsgi.input"].read()).hexdigest().encode()]
    if path == "/close":
        start_response("200 OK", [("Content-Length", "3"), ("Connection", "close")])
        return [b"bye"]
    if path == "/stream":
        start_response("200 OK", [])
        return (b"piece %d\n" % number for number in range(3))
    if path == "/file":
        start_response("200 OK", [("Content-Length", str(os.path.getsize(__file__)))])
        return environ["wsgi.file_wrapper"](Path(__file__).open("rb"))
    if path == "/raises":
        raise RuntimeError("the app raised")
    if path == "/raises-midway":
        return raise_midway(start_response)
    text = environ["QUERY_STRING"].encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


def raise_midway(start_response):
    start_response("200 OK", [])
    yield b"begun"
    raise RuntimeError("the app raised midway")


GET = b"GET /?%d HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture(scope="module", params=["sync", "thread"])
def one(request):
    """A worker that all tests of this module use."""
    with Worker(app, kind=request.param, processes={"threads": 2}) as worker:
        yield worker


def is_closed(client):
    return client.read_rest() == b""


def test_a_connection_is_kept_for_the_next_request(one):
    with one.connect() as client:
        for number in range(5):
            assert client.get(f"/?{number}").answer().body == b"%d" % number


def test_pipelined_requests_are_answered_in_order(one):
    with one.connect() as client:
        client.send(b"".join(GET % number for number in range(50)))
        assert [client.answer().body for _ in range(50)] == [b"%d" % number for number in range(50)]


def test_pipelined_bodies_end_where_they_end(one):
    post = b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc"
    chunked = b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n"
    with one.connect() as client:
        client.send(post + chunked + GET % 7 + chunked)
        assert [client.answer().body for _ in range(4)] == [b"abc", b"de", b"7", b"de"]


def test_a_client_that_says_close_gets_its_answer_and_the_end(one):
    with one.connect() as client:
        answer = client.get("/?1", "Connection: close").answer()
        assert (answer.body, answer.closes) == (b"1", True)
        assert is_closed(client)


def test_an_app_that_says_close_is_obeyed(one):
    with one.connect() as client:
        assert client.get("/close").answer().closes
        assert is_closed(client)


def test_an_old_client_gets_the_end_after_its_answer(one):
    with one.connect() as client:
        client.send(b"GET /stream HTTP/1.0\r\n\r\n")
        assert client.read_rest().endswith(b"\r\n\r\npiece 0\npiece 1\npiece 2\n")


def test_a_client_that_has_ended_its_side_is_still_answered(one):
    with one.connect() as client:
        client.send(GET % 1)
        client.shut_down()
        assert client.answer().body == b"1"
        assert is_closed(client)


@pytest.mark.parametrize("data", [GET % 5, b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n5"])
def test_a_request_may_come_byte_by_byte(one, data):
    with one.connect() as client:
        for byte in data:
            client.send(bytes([byte]))
        assert client.answer().body == b"5"
        for byte in data:
            client.send(bytes([byte]))
        assert client.answer().body == b"5"


SIZES = [1, 65_536, 65_537, 5_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_body_of_any_size_reaches_the_app_whole(one, size):
    body = os.urandom(size)
    with one.connect() as client:
        client.send(b"POST /digest HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(body)
        assert client.answer().body == hashlib.sha256(body).hexdigest().encode()
        assert client.get("/?1").answer().body == b"1"


@pytest.mark.parametrize("size", SIZES)
def test_a_chunked_body_of_any_size_reaches_the_app_whole(one, size):
    body = os.urandom(size)
    with one.connect() as client:
        client.send(b"POST /digest HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, size, 99_999):
            piece = body[start : start + 99_999]
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        client.send(b"0\r\n\r\n")
        assert client.answer().body == hashlib.sha256(body).hexdigest().encode()


@pytest.mark.parametrize("size", SIZES)
def test_a_response_of_any_size_reaches_the_client_whole(one, size):
    body = os.urandom(size)
    with one.connect() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(body)
        assert client.answer().body == body
        assert client.get("/?1").answer().body == b"1"


def test_a_stream_comes_in_chunks_and_the_connection_is_kept(one):
    with one.connect() as client:
        answer = client.get("/stream").answer()
        assert (answer.body, answer.headers["Transfer-Encoding"]) == (b"piece 0\npiece 1\npiece 2\n", "chunked")
        assert client.get("/?1").answer().body == b"1"


def test_a_file_is_sent_whole_and_the_connection_is_kept(one):
    with one.connect() as client, open(__file__, "rb") as file:
        assert client.get("/file").answer().body == file.read()
        assert client.get("/?1").answer().body == b"1"


def test_the_answer_to_head_has_no_body(one):
    with one.connect() as client:
        client.send(b"HEAD /?xyz HTTP/1.1\r\nHost: test\r\n\r\n")
        answer = client.answer(method="HEAD")
        assert (answer.headers["Content-Length"], answer.body) == ("3", b"")
        assert client.get("/?1").answer().body == b"1"


EXPECT = b"POST /echo HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"


def test_a_client_that_asks_is_told_to_go_on_before_it_sends_the_body(one):
    with one.connect() as client:
        client.send(EXPECT)
        assert client.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        assert client.answer().body == b"abc"


def test_a_client_that_does_not_wait_is_not_told_to_go_on(one):
    with one.connect() as client:
        client.send(EXPECT + b"abc")
        assert client.read_line() == b"HTTP/1.1 200 OK\r\n"


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(worker, kind):
    one = worker(app, kind=kind, http={"limit_request_body": 2})
    with one.connect() as client:
        client.send(EXPECT)
        answer = client.answer()
        assert (answer.status, answer.closes) == (413, True)
        assert is_closed(client)


def test_a_chunked_body_that_grows_too_large_is_refused(worker, kind):
    one = worker(app, kind=kind, http={"limit_request_body": 100_000})
    with one.connect() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send_gently(b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n")
        assert client.answer().status == 413


REFUSED = {
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"GET / HTTP/2.0\r\nHost: test\r\n\r\n": 505,
    b"GET / HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\n\r\n": 400,
    b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n": 414,
    b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X: y\r\n" * 101 + b"\r\n": 431,
    b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n": 400,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n": 400,
}


@pytest.mark.parametrize("data", REFUSED, ids=lambda data: data[:40].decode("latin-1"))
def test_what_is_no_request_is_refused_and_the_connection_closed(one, data):
    with one.connect() as client:
        client.send(data)
        answer = client.answer()
        assert (answer.status, answer.closes) == (REFUSED[data], True)
        assert is_closed(client)


def test_a_request_behind_good_ones_is_refused_after_they_are_answered(one):
    with one.connect() as client:
        client.send(GET % 1 + GET % 2 + b"NOT A REQUEST\r\n\r\n" + GET % 3)
        assert [client.answer().body for _ in range(2)] == [b"1", b"2"]
        assert client.answer().status == 400
        assert is_closed(client)


def test_a_refused_client_can_read_why_while_it_is_still_sending(one):
    """A close with unread bytes is a reset, which would destroy the answer on its way."""
    with one.connect() as client:
        client.send(b"NOT A REQUEST\r\n\r\n")
        for _ in range(30):
            client.send(b"x" * 1000)
        assert client.answer().status == 400


def test_a_refused_client_that_sends_without_end_is_cut(one):
    with one.connect() as client:
        client.send(b"NOT A REQUEST\r\n\r\n")
        with pytest.raises(ConnectionError):
            while True:
                client.send(b"x" * 65_536)


UPGRADE = b"GET /?1 HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"


def test_a_websocket_is_refused_clearly(one):
    with one.connect() as client:
        answer = client.send(UPGRADE % b"websocket").answer()
        assert answer.status == 501
        assert b"WebSocket is not supported" in answer.body


def test_other_offers_to_upgrade_are_passed_over(one):
    with one.connect() as client:
        assert client.send(UPGRADE % b"h2c").answer().body == b"1"


def test_an_app_that_raises_costs_a_request_not_a_connection(one):
    with one.connect() as client:
        assert client.get("/raises").answer().status == 500
        assert client.get("/?1").answer().body == b"1"


def test_a_response_that_breaks_midway_is_cut_without_its_last_chunk(one):
    with one.connect() as client:
        client.get("/raises-midway")
        assert client.read_head().startswith(b"HTTP/1.1 200 OK\r\n")
        assert client.read_rest() == b"5\r\nbegun\r\n"


def test_a_response_to_an_old_client_that_breaks_midway_is_cut_by_a_reset(one):
    with one.connect() as client:
        client.send(b"GET /raises-midway HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(65_536):
                pass


@pytest.mark.parametrize("path", ["unix", "tcp"])
def test_clients_come_over_any_socket(worker, kind, tmp_path, path):
    one = worker(app, kind=kind, bind=(f"unix:{tmp_path}/sock",) if path == "unix" else ("[::1]:0",))
    with one.connect() as client:
        assert client.get("/?1").answer().body == b"1"


def test_all_listeners_are_served(worker, kind, tmp_path):
    one = worker(app, kind=kind, bind=("127.0.0.1:0", f"unix:{tmp_path}/a", f"unix:{tmp_path}/b"))
    for index in (2, 0, 1):
        with one.connect(listener=index) as client:
            assert client.get("/?1").answer().body == b"1"
