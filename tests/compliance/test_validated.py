"""A WSGI app under wsgiref.validate: what breaks PEP 3333 in the server is a 500, and an AssertionError in its log."""

import pytest

WSGI = {"sync": ("-k", "sync"), "thread": ("-k", "thread", "--threads", "4")}

REQUESTS = {
    "GET": ("GET", "/", None, b""),
    "GET with a query": ("GET", "/path/a%20b?read", None, b""),
    "HEAD": ("HEAD", "/", None, b""),
    "POST": ("POST", "/?read", b"a body", b"a body"),
    "POST, line by line": ("POST", "/?readline", b"one\ntwo\nthree", b"one\ntwo\nthree"),
    "POST, all lines": ("POST", "/?readlines", b"one\ntwo\n", b"one\ntwo\n"),
    "POST, iterated": ("POST", "/?iterate", b"one\n" * 50_000, b"one\n" * 50_000),
    "POST to the write callable": ("POST", "/?write", b"the rest", b"written, the rest"),
    "OPTIONS": ("OPTIONS", "/", None, b""),
}


@pytest.mark.parametrize("kind", WSGI)
@pytest.mark.parametrize(("method", "path", "body", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_validated_app_finds_nothing_to_complain_about(shared, kind, method, path, body, expected):
    one = shared("validated:app", *WSGI[kind])
    mark = one.log.mark()
    with one.client() as client:
        answer = client.request(method, path, content=body)
    assert answer.status_code == 200, one.log.text
    assert answer.content == expected
    assert one.log.lines[mark:] == []


@pytest.mark.parametrize("kind", WSGI)
def test_validated_app_takes_chunked_and_empty_bodies_and_odd_headers(shared, kind):
    one = shared("validated:app", *WSGI[kind])
    mark = one.log.mark()
    with one.raw() as client:
        client.send(
            b"POST /?readline HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nX-Latin: caf\xe9\r\n"
            b"X-Twice: 1\r\nX-Twice: 2\r\nContent-Type: text/plain\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
        assert client.answer().body == b"hello"
        client.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        assert client.answer().body == b""
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.answer().status == 200
    assert one.log.lines[mark:] == []


@pytest.mark.parametrize("kind", WSGI)
def test_validator_does_complain(shared, kind):
    """So that its silence above means something."""
    one = shared("validated:breaks_the_rules", *WSGI[kind])
    assert one.get("/").status_code == 500
    one.wait_line("AssertionError")
