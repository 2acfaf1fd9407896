"""HTTP/1.0 and 1.1 over real sockets: every case under every worker kind."""

import json
import re

import pytest

from tests.e2e.kinds import KINDS, every_kind

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


@pytest.fixture
def one(shared, args):
    return shared(*args, "--limit-request-line", "1000", "--limit-request-body", "100000")


def chunked(body, *, trailers=b""):
    """A chunked POST of ``body``, with a chunk extension for good measure."""
    head = b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x;name=value\r\n%s\r\n" % (len(part), part) for part in pieces(body, 1000))
    return head + chunks + b"0\r\n" + trailers + b"\r\n"


def pieces(data, size):
    return [data[place : place + size] for place in range(0, len(data), size)]


# Keep-alive: the head's first lines, and whether the connection stays.
LIFE = {
    "1.1": (b"GET / HTTP/1.1\r\nHost: test\r\n\r\n", True),
    "1.1 close": (b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", False),
    "1.1 Close, among others": (b"GET / HTTP/1.1\r\nHost: test\r\nConnection: te, Close\r\n\r\n", False),
    "1.0": (b"GET / HTTP/1.0\r\n\r\n", False),
    "1.0 keep-alive": (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
    "the app closes": (b"GET /close HTTP/1.1\r\nHost: test\r\n\r\n", False),
}


@every_kind
@pytest.mark.parametrize(("request_bytes", "stays"), LIFE.values(), ids=LIFE)
def test_connection_lives_as_long_as_both_sides_want(one, request_bytes, stays):
    with one.raw() as client:
        answer = client.send(request_bytes).answer()
        assert answer.status == 200
        if stays:
            assert not answer.closes
            assert client.send(request_bytes).answer().status == 200
        else:
            assert answer.closes
            assert client.read_rest() == b""


@every_kind
def test_http_1_0_client_that_keeps_its_connection_is_told_so(one):
    with one.raw() as client:
        answer = client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").answer()
        assert answer.headers["Connection"].lower() == "keep-alive"


@every_kind
def test_http_1_0_client_never_gets_chunks(one):
    with one.raw() as client:
        client.send(b"POST /echo-chunked HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello")
        answer = client.answer()
        assert "Transfer-Encoding" not in answer.headers
        assert answer.body == b"hello"
        assert client.read_rest() == b""


@every_kind
def test_many_requests_over_one_connection(one):
    with one.raw() as client:
        for number in range(200):
            assert client.get(f"/number?n={number}").answer().body == str(number).encode()


@every_kind
def test_pipelined_requests_are_answered_in_their_order(one):
    requests = b"".join(b"GET /number?n=%d HTTP/1.1\r\nHost: test\r\n\r\n" % number for number in range(50))
    with one.raw() as client:
        client.send(requests)
        assert [client.answer().body for _ in range(50)] == [str(number).encode() for number in range(50)]


@every_kind
def test_pipelined_requests_with_bodies_are_kept_apart(one):
    plain = b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
    with one.raw() as client:
        client.send(plain + chunked(b"chunks" * 500) + GET + plain)
        assert [client.answer().body for _ in range(4)] == [b"hello", b"chunks" * 500, b"hello", b"hello"]


@every_kind
def test_pipelined_requests_behind_the_last_one_are_not_answered(one):
    with one.raw() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n" + GET)
        assert client.answer().closes
        assert client.read_rest() == b""


@every_kind
@pytest.mark.parametrize("size", [0, 1, 5, 65535, 65536, 65537, 100_000])
def test_body_with_a_length_arrives_whole(one, size):
    body = bytes(range(256)) * (size // 256 + 1)
    with one.raw() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size + body[:size])
        assert client.answer().body == body[:size]
        assert client.get("/").answer().body == b"hello"


@every_kind
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 65536, 100_000])
def test_chunked_body_arrives_whole_and_its_trailers_are_dropped(one, size):
    body = bytes(range(256)) * (size // 256 + 1)
    with one.raw() as client:
        client.send(chunked(body[:size], trailers=b"X-Checksum: 1\r\nX-More: 2\r\n"))
        assert client.answer().body == body[:size]
        assert client.get("/").answer().body == b"hello"


@every_kind
def test_request_in_single_bytes_is_understood(one):
    with one.raw() as client:
        for byte in chunked(b"byte by byte") + GET:
            client.send(bytes([byte]))
        assert client.answer().body == b"byte by byte"
        assert client.answer().body == b"hello"


@every_kind
def test_empty_line_before_a_request_is_forgiven(one):
    with one.raw() as client:
        client.send(b"\r\n" + GET)
        assert client.answer().body == b"hello"


@every_kind
def test_body_that_the_app_does_not_read_does_not_spoil_the_next_request(one):
    with one.raw() as client:
        client.send(b"POST /drop-body HTTP/1.1\r\nHost: test\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50_000)
        answer = client.answer()
        assert answer.body == b"not read"
        if not answer.closes:
            assert client.get("/").answer().body == b"hello"


@every_kind
def test_expecting_client_is_told_to_continue_and_then_answered(one):
    with one.raw() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert client.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.send(b"hello").answer().body == b"hello"


@every_kind
def test_expecting_client_whose_body_would_be_too_large_is_refused_before_it_sends_it(one):
    with one.raw() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.closes) == (413, True)


@every_kind
def test_expectation_of_an_http_1_0_client_is_ignored(one):
    with one.raw() as client:
        client.send(b"POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"hello")


@every_kind
def test_head_has_the_headers_of_get_and_no_body(one):
    with one.raw() as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: test\r\n\r\n")
        answer = client.answer("HEAD")
        assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "5", b"")
        assert client.get("/").answer().body == b"hello"


@every_kind
def test_head_of_a_streamed_page_has_no_body_either(one):
    with one.raw() as client:
        client.send(b"HEAD /big?size=100000 HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.answer("HEAD").headers["Content-Length"] == "100000"
        assert client.get("/").answer().body == b"hello"


@every_kind
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", ["", "a body that must not be sent"])
def test_status_without_a_body_has_none(one, status, body):
    path = f"/status?status={status}&body={body}".replace(" ", "%20")
    with one.raw() as client:
        client.get(path)
        head = client.read_head()
        assert head.startswith(f"HTTP/1.1 {status[:3]} ".encode())
        assert b"transfer-encoding" not in head.lower()
        if status.startswith("204"):
            assert b"content-length" not in head.lower()
        rest = client.get("/")
        assert rest.answer().body == b"hello", "the next answer begins right behind the head"


@every_kind
def test_every_response_has_date_and_server(one):
    with one.raw() as client:
        answer = client.get("/").answer()
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["Date"])
        assert answer.headers["Server"] == "pfork"
        assert answer.version == 11


TARGETS = {
    "origin": (b"/request?a=1&b=%41", "/request", "a=1&b=%41"),
    "escaped": (b"/%72equest?x", "/request", "x"),
    "absolute": (b"http://elsewhere.example/request?a=1", "/request", "a=1"),
    "two question marks": (b"/request?a?b", "/request", "a?b"),
}


@every_kind
@pytest.mark.parametrize(("target", "path", "query"), TARGETS.values(), ids=TARGETS)
def test_target_is_split(one, target, path, query):
    with one.raw() as client:
        client.send(b"GET " + target + b" HTTP/1.1\r\nHost: test\r\n\r\n")
        answer = client.answer()
        seen = json.loads(answer.body)
        assert (seen["method"], seen["path"], seen["query"]) == ("GET", path, query)
        assert seen["headers"]["host"] == ("elsewhere.example" if target.startswith(b"http") else "test")


@every_kind
def test_headers_reach_the_app(one):
    many = {f"x-header-{number}": f"value {number}" for number in range(90)}
    with one.raw() as client:
        client.get("/request", *(f"{name.title()}:  {value} " for name, value in many.items()))
        headers = json.loads(client.answer().body)["headers"]
    assert {name: headers[name] for name in many} == many


@every_kind
def test_unusual_but_legal_methods_reach_the_app(one):
    with one.raw() as client:
        for method in (b"PROPFIND", b"PURGE", b"OPTIONS", b"M-SEARCH"):
            client.send(method + b" /request HTTP/1.1\r\nHost: test\r\n\r\n")
            assert json.loads(client.answer().body)["method"] == method.decode()


LIMITS = {
    "line": (b"GET /" + b"x" * 1000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 414),
    "line without an end": (b"GET /" + b"x" * 2000, 414),
    "fields": (b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X-A: b\r\n" * 100 + b"\r\n", 431),
    "field size": (b"GET / HTTP/1.1\r\nHost: test\r\nX-A: " + b"b" * 8190 + b"\r\n\r\n", 431),
    "field without an end": (b"GET / HTTP/1.1\r\nHost: test\r\nX-A: " + b"b" * 9000, 431),
    "body by its length": (b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100001\r\n\r\n", 413),
    "body in chunks": (chunked(b"x" * 100_001), 413),
    "body in one chunk": (
        b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" + b"x" * 100_001,
        413,
    ),
}


@every_kind
@pytest.mark.parametrize(("request_bytes", "status"), LIMITS.values(), ids=LIMITS)
def test_what_is_over_a_limit_is_refused_and_the_connection_closed(one, request_bytes, status):
    before = one.get("/calls").json()
    with one.raw() as client:
        client.send_gently(request_bytes)
        answer = client.answer()
        assert (answer.status, answer.closes) == (status, True)
        assert 0 < len(answer.body) < 500, "a short reason"
        assert client.read_rest() == b""
    # An ASGI app streams its body, so it may have begun before the body grew too large.
    may_have_begun = one.args[-5] == "async" and "chunk" in str(request_bytes)
    assert one.get("/calls").json() - before in ((1, 2) if may_have_begun else (1,))


def test_body_limit_is_the_servers_not_the_apps_to_enforce(shared):
    one = shared(*KINDS["async"], "--limit-request-line", "1000", "--limit-request-body", "100000")
    with one.raw() as client:
        client.send_gently(chunked(b"x" * 100_001))
        assert client.answer().status == 413


@every_kind
def test_request_within_all_limits_is_served(one):
    path = "/number?n=" + "7" * (1000 - len("GET /number?n= HTTP/1.1"))
    with one.raw() as client:
        client.get(path, *("X-A: b" for _ in range(98)), "X-B: " + "b" * (8190 - len("X-B: ")))
        assert client.answer().status == 200


@every_kind
def test_websocket_upgrade_is_refused_clearly_until_there_are_websockets(one):
    headers = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    with one.raw() as client:
        answer = client.get("/", *headers).answer()
        assert (answer.status, answer.closes) == (501, True)
        assert b"WebSocket" in answer.body


@every_kind
def test_other_upgrades_are_offers_that_may_be_left_alone(one):
    with one.raw() as client:
        answer = client.get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: ").answer()
        assert answer.body == b"hello"
