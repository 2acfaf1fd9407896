"""Responses: what marks the end of the body, which headers pass, and what the server adds."""

import re

import h11
import pytest

from pfork.http1 import (
    CONTINUE,
    BodyTooLong,
    ProtocolError,
    Response,
    error_response,
    status_bytes,
)


def lines(raw):
    """The lines of a head, without Date and Server."""
    assert raw.endswith(b"\r\n\r\n")
    return [line for line in raw[:-4].split(b"\r\n") if not line.startswith((b"Date: ", b"Server: "))]


def respond(*, method="GET", version="1.1", keep_alive=True):
    return Response(method=method, http11=version == "1.1", keep_alive=keep_alive)


LENGTH, CHUNKS, TAIL = b"Content-Length: 5", b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"
CLOSE, KEEP = b"Connection: close", b"Connection: keep-alive"
GIVEN = [(b"Content-Length", b"5")]

# Request (method, version, keep_alive), status, the application's headers, the length known to the gateway
# -> the lines of the head, the bytes of the body "hello", keep_alive (RFC 9112 6.3 and 9.3, RFC 9110 8.6).
FRAMINGS = {
    "a length that the application gave": ("GET 1.1 keep", 200, GIVEN, None, [LENGTH], b"hello", True),
    "a length that the gateway knows": ("GET 1.1 keep", 200, [], 5, [LENGTH], b"hello", True),
    "the application's length counts": ("GET 1.1 keep", 200, GIVEN, 7, [LENGTH], b"hello", True),
    "no length": ("GET 1.1 keep", 200, [], None, [CHUNKS], TAIL, True),
    "no length and close": ("GET 1.1 close", 200, [], None, [CHUNKS, CLOSE], TAIL, False),
    "a length and close": ("GET 1.1 close", 200, [], 5, [LENGTH, CLOSE], b"hello", False),
    "a length on 1.0": ("GET 1.0 keep", 200, [], 5, [LENGTH, KEEP], b"hello", True),
    "a length on 1.0 and close": ("GET 1.0 close", 200, [], 5, [LENGTH, CLOSE], b"hello", False),
    "no length on 1.0": ("GET 1.0 keep", 200, [], None, [CLOSE], b"hello", False),
    "an error": ("POST 1.1 keep", 404, [], 5, [LENGTH], b"hello", True),
    "204": ("GET 1.1 keep", 204, [], None, [], b"", True),
    "204 with a length": ("GET 1.1 keep", 204, GIVEN, 5, [], b"", True),
    "304": ("GET 1.1 keep", 304, [], None, [], b"", True),
    "304 with the length of the 200": ("GET 1.1 keep", 304, GIVEN, 0, [LENGTH], b"", True),
    "304 with a length that only the gateway knows": ("GET 1.1 keep", 304, [], 5, [], b"", True),
    "304 on 1.0": ("GET 1.0 keep", 304, [], None, [KEEP], b"", True),
    "HEAD": ("HEAD 1.1 keep", 200, [], None, [], b"", True),
    "HEAD with the length of the GET": ("HEAD 1.1 keep", 200, GIVEN, 0, [LENGTH], b"", True),
    "HEAD by an application that makes the body": ("HEAD 1.1 keep", 200, [], 5, [LENGTH], b"", True),
    "HEAD by an application that makes none": ("HEAD 1.1 keep", 200, [], 0, [], b"", True),
    "HEAD on 1.0": ("HEAD 1.0 keep", 200, [], None, [KEEP], b"", True),
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_the_end_of_a_body_is_marked(name):
    request, status, headers, length, expected, body, keep_alive = FRAMINGS[name]
    method, version, wish = request.split()
    response = respond(method=method, version=version, keep_alive=wish == "keep")
    head = response.start(status_bytes(status), headers, length=length)
    assert lines(head) == [b"HTTP/1.1 " + status_bytes(status), *expected]
    assert response.body(b"hello") + response.end() == body
    assert response.keep_alive == keep_alive
    assert response.has_body == bool(body)
    assert response.chunked == (body == TAIL)
    assert response.body_sent == (5 if body else 0)


@pytest.mark.parametrize("name", FRAMINGS)
def test_text_is_framed_as_bytes_are(name):
    request, status, headers, length, *_ = FRAMINGS[name]
    method, version, wish = request.split()
    in_bytes, in_text = (respond(method=method, version=version, keep_alive=wish == "keep") for _ in "ab")
    text = [(key.decode(), value.decode()) for key, value in headers]
    assert lines(in_bytes.start(status_bytes(status), headers, length=length)) == lines(
        in_text.start_text(status_bytes(status).decode(), text, length=length)
    )
    assert in_text.body(b"hello") + in_text.end() == in_bytes.body(b"hello") + in_bytes.end()


@pytest.mark.parametrize("name", FRAMINGS)
def test_a_client_understands_it(name):
    request, status, headers, length, *_ = FRAMINGS[name]
    method, version, wish = request.split()
    response = respond(method=method, version=version, keep_alive=wish == "keep")
    raw = response.start(status_bytes(status), headers, length=length) + response.body(b"hello") + response.end()
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")], http_version=b"1.1"))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    if not response.keep_alive:
        client.receive_data(b"")  # end of file
    seen, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert (seen.status_code, body) == (status, b"hello" if response.has_body else b"")
    assert client.their_state is (h11.DONE if response.keep_alive else h11.MUST_CLOSE)


def test_a_head_has_a_server_and_a_date():
    head = respond().start(b"200 OK", [], length=0)
    assert re.search(rb"\r\nServer: pfork\r\n", head)
    assert re.search(rb"\r\nDate: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n", head)


@pytest.mark.parametrize(
    ("headers", "dates", "servers"),
    [
        ([(b"Date", b"then")], [b"Date: then"], [b"Server: pfork"]),
        ([(b"server", b"mine")], [], [b"server: mine"]),
        ([(b"DATE", b"then"), (b"SERVER", b"mine")], [b"DATE: then"], [b"SERVER: mine"]),
    ],
)
def test_a_date_or_server_of_the_application_is_sent_instead(headers, dates, servers):
    found = respond().start(b"200 OK", headers, length=0).lower().split(b"\r\n")
    assert [line for line in found if line.startswith(b"server:")] == [line.lower() for line in servers]
    if dates:
        assert [line for line in found if line.startswith(b"date:")] == [line.lower() for line in dates]
    else:
        assert len([line for line in found if line.startswith(b"date:")]) == 1


def test_headers_pass_as_they_are_in_their_order():
    headers = [(b"B", b"1"), (b"a-X", b""), (b"Set-Cookie", b"a=b"), (b"Set-Cookie", b"c=\xfc"), (b"B", b" 2 ")]
    head = respond().start(b"200 OK", headers, length=0)
    assert lines(head) == [
        b"HTTP/1.1 200 OK",
        b"B: 1",
        b"a-X: ",
        b"Set-Cookie: a=b",
        b"Set-Cookie: c=\xfc",
        b"B:  2 ",
        b"Content-Length: 0",
    ]


def test_headers_of_text_are_latin_1():
    head = respond().start_text("200 \xc9l\xe9gant", [("X", "\xfc")], length=0)
    assert lines(head)[:2] == [b"HTTP/1.1 200 \xc9l\xe9gant", b"X: \xfc"]


@pytest.mark.parametrize(
    "name", ["Keep-Alive", "Proxy-Connection", "TE", "Trailer", "transfer-encoding", "UPGRADE", "connection"]
)
def test_hop_by_hop_headers_of_the_application_are_dropped(name):
    for _ in range(2):  # seen for the first time, and known
        response = respond()
        head = response.start(b"200 OK", [(name.encode(), b"chunked"), (b"X", b"1")], length=0)
        assert lines(head) == [b"HTTP/1.1 200 OK", b"X: 1", b"Content-Length: 0"]
        head = respond().start_text("200 OK", [(name, "chunked"), ("X", "1")], length=0)
        assert lines(head) == [b"HTTP/1.1 200 OK", b"X: 1", b"Content-Length: 0"]
        assert response.keep_alive


@pytest.mark.parametrize("value", [b"close", b"Close", b"x, close"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_application_may_close_the_connection(value, version):
    response = respond(version=version)
    assert CLOSE in lines(response.start(b"200 OK", [(b"Connection", value)], length=0))
    assert not response.keep_alive


@pytest.mark.parametrize("value", [b"keep-alive", b"upgrade", b""])
def test_an_application_cannot_keep_a_connection_open(value):
    response = respond(keep_alive=False)
    assert CLOSE in lines(response.start(b"200 OK", [(b"Connection", value)], length=0))
    assert not response.keep_alive


def test_a_status_without_a_phrase_keeps_its_space():
    assert respond().start(b"200", []).startswith(b"HTTP/1.1 200 \r\n")
    assert respond().start(b"299 ", []).startswith(b"HTTP/1.1 299 \r\n")


def test_an_interim_response_comes_before_the_final_one():
    response = respond()
    early = response.interim(b"103 Early Hints", [(b"Link", b"</a.css>"), (b"Content-Length", b"5")])
    assert early == b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    assert lines(response.start(b"200 OK", [], length=0)) == [b"HTTP/1.1 200 OK", b"Content-Length: 0"]


def test_a_client_of_http_1_0_gets_no_interim_response():
    assert respond(version="1.0").interim(b"103 Early Hints", []) == b""


@pytest.mark.parametrize("piece", [bytes, bytearray, memoryview])
def test_an_empty_piece_of_a_body_is_not_the_end(piece):
    response = respond()
    response.start(b"200 OK", [])
    assert response.body(piece(b"")) == b""
    assert response.body(piece(b"a" * 17)) == b"11\r\n" + b"a" * 17 + b"\r\n"
    assert response.end() == b"0\r\n\r\n"


def test_a_body_may_come_from_a_file():
    response = respond()
    response.start(b"200 OK", [], length=10)
    response.body_from_file(4)
    assert response.body(b"hello!") == b"hello!"
    assert (response.end(), response.body_sent) == (b"", 10)


def test_a_file_beyond_the_length_is_told():
    response = respond()
    response.start(b"200 OK", [], length=10)
    with pytest.raises(BodyTooLong):
        response.body_from_file(11)
    assert not response.keep_alive


def test_a_file_may_go_until_the_connection_closes():
    response = respond(version="1.0")
    response.start(b"200 OK", [])
    response.body_from_file(11)
    assert (response.end(), response.body_sent) == (b"", 11)


def test_a_file_of_a_response_without_a_body_is_not_counted():
    response = respond(method="HEAD")
    response.start(b"200 OK", [], length=10)
    response.body_from_file(10)
    assert response.body_sent == 0


def test_a_file_does_not_go_into_chunks():
    response = respond()
    response.start(b"200 OK", [])
    with pytest.raises(RuntimeError, match="chunked"):
        response.body_from_file(1)


def test_names_without_end_do_not_fill_the_memory():
    from pfork.http1 import response as module

    for number in range(3000):
        name = f"X-{number}"
        respond().start(b"200 OK", [(name.encode(), b"1")])
        respond().start_text(f"200 {number}", [(name, "1")])
    caches = (module._bytes_lines, module._text_lines)
    assert max(map(len, caches)) <= 1024
    head = respond().start(b"200 OK", [(b"X-2999", b"1"), (b"cOnTeNt-LeNgTh", b"0")])
    assert lines(head) == [b"HTTP/1.1 200 OK", b"X-2999: 1", b"Content-Length: 0"]


@pytest.mark.parametrize("status", [400, 408, 413, 414, 417, 431, 500, 501, 503, 505])
def test_an_error_response_is_whole_and_closes(status):
    head, _, body = error_response(ProtocolError(status, "why")).partition(b"\r\n\r\n")
    phrase = status_bytes(status)
    assert lines(head + b"\r\n\r\n") == [
        b"HTTP/1.1 " + phrase,
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        CLOSE,
    ]
    assert body == phrase + b": why\n"


def test_an_error_response_may_have_no_reason():
    assert error_response(503).endswith(b"\r\n\r\n503 Service Unavailable\n")
    assert error_response(500, "sorry").endswith(b"\r\n\r\n500 Internal Server Error: sorry\n")


def test_an_error_response_to_head_has_no_body():
    head, _, body = error_response(500, method="HEAD").partition(b"\r\n\r\n")
    assert (b"Content-Length: 26" in head, body) == (True, b"")


def test_continue_is_a_whole_interim_response():
    assert CONTINUE == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("code", "text"), [(200, b"200 OK"), (404, b"404 Not Found"), (413, b"413 Content Too Large"), (299, b"299 ")]
)
def test_a_code_has_its_registered_phrase(code, text):
    assert status_bytes(code) == text
