"""Requests that are accepted, and what is made of them."""

from __future__ import annotations

from .cases import HOST, Parsed, Valid, chunked, head, one, post


def _chunked_row(name: str, wire: bytes, body: bytes) -> Valid:
    headers = (*HOST, (b"transfer-encoding", b"chunked"))
    return one(name, chunked(wire), method="POST", headers=headers, body=body)


def _length_row(name: str, length: bytes, body: bytes) -> Valid:
    headers = (*HOST, (b"content-length", length))
    return one(name, post(b"Content-Length: " + length, body=body), method="POST", headers=headers, body=body)


def _connection_row(name: str, version: bytes, connection: bytes, keep_alive: bool) -> Valid:
    raw = head(b"GET / HTTP/" + version, b"Host: a", b"Connection: " + connection)
    headers = (*HOST, (b"connection", connection))
    return one(name, raw, headers=headers, http11=version == b"1.1", keep_alive=keep_alive)


def _field_row(name: str, line: bytes, field: tuple[bytes, bytes]) -> Valid:
    return one(name, head(b"GET / HTTP/1.1", b"Host: a", line), headers=(*HOST, field))


def _target_row(name: str, target: bytes, method: str = "GET") -> Valid:
    line = method.encode() + b" " + target + b" HTTP/1.1"
    return one(name, head(line, b"Host: a"), method=method, target=target)


_GET = head(b"GET / HTTP/1.1", b"Host: a")
_LONG = b"x" * 4000

REQUEST_LINES = (
    one("a plain GET", _GET),
    one("HTTP/1.0 without a Host", head(b"GET / HTTP/1.0"), headers=(), http11=False, keep_alive=False),
    one("HTTP/1.0 with a Host", head(b"GET / HTTP/1.0", b"Host: a"), http11=False, keep_alive=False),
    one("one empty line before the request (RFC 9112 2.2)", b"\r\n" + _GET),
    *(_target_row(f"the method {name}", b"/", name) for name in ("HEAD", "PUT", "PATCH", "DELETE", "TRACE")),
    _target_row("a method of WebDAV", b"/", "PROPFIND"),
    _target_row("a method that nobody registered", b"/", "BREW-TEA"),
    _target_row("a query", b"/a/b?c=d&e=%20"),
    _target_row("an empty query", b"/?"),
    _target_row("percent-encoded characters stay as sent", b"/%41%2F%00%ff"),
    _target_row("raw UTF-8 in the target", "/straße".encode()),
    _target_row("characters that RFC 3986 forbids, but nobody misreads", b'/<a>{b}|c^`"\\'),
    _target_row("a path that begins with two slashes", b"//host/path"),
    _target_row("a target as long as allowed", b"/" + b"x" * (4094 - len("GET / HTTP/1.1"))),
    _target_row("the asterisk form (RFC 9112 3.2.4)", b"*", "OPTIONS"),
    _target_row("the absolute form (RFC 9112 3.2.2)", b"http://a/b?c"),
    _target_row("the absolute form without a path", b"http://a"),
    _target_row("the absolute form with a query and no path", b"http://a?b=/c"),
    one(
        "the host of the target wins (RFC 9112 3.2.2)",
        head(b"GET http://real.example:81/ HTTP/1.1", b"X: 1", b"Host: forged", b"Y: 2"),
        target=b"http://real.example:81/",
        headers=((b"x", b"1"), (b"host", b"real.example:81"), (b"y", b"2")),
    ),
    one(
        "the target's host is the Host of HTTP/1.0 that sends none",
        head(b"GET HTTP://a/ HTTP/1.0", b"X: 1"),
        target=b"HTTP://a/",
        headers=(*HOST, (b"x", b"1")),
        http11=False,
        keep_alive=False,
    ),
)

FIELDS = (
    _field_row("an empty value", b"X:", (b"x", b"")),
    _field_row("an empty value and a space", b"X: ", (b"x", b"")),
    _field_row("no space behind the colon", b"X:1", (b"x", b"1")),
    _field_row("white space around the value is not part of it", b"X: \t 1 \t ", (b"x", b"1")),
    _field_row("white space within the value is part of it", b"X: 1 \t 2", (b"x", b"1 \t 2")),
    _field_row("a value of nothing but white space", b"X: \t \t", (b"x", b"")),
    _field_row("a colon in the value", b"X: a:b: c", (b"x", b"a:b: c")),
    _field_row("bytes beyond ASCII in the value", b"X: \x80\xfc\xff", (b"x", b"\x80\xfc\xff")),
    _field_row("every token character in the name", b"!#$%&'*+-.^_`|~09azAZ: 1", (b"!#$%&'*+-.^_`|~09azaz", b"1")),
    _field_row("a value as long as allowed", b"X: " + b"x" * 8187, (b"x", b"x" * 8187)),
    _field_row("a name like a framing header's", b"Content_Length: 7", (b"content_length", b"7")),
    one(
        "repeated headers stay apart, in order",
        head(b"GET / HTTP/1.1", b"X: 1", b"Host: a", b"x: 2"),
        headers=((b"x", b"1"), *HOST, (b"x", b"2")),
    ),
    one(
        "as many headers as allowed",
        head(b"GET / HTTP/1.1", b"Host: a", *(b"X: %d" % n for n in range(99))),
        headers=(*HOST, *((b"x", b"%d" % n) for n in range(99))),
    ),
    one(
        "a large head within the limits",
        head(b"GET / HTTP/1.1", b"Host: a", *(b"X: " + _LONG for _ in range(20))),
        headers=(*HOST, *((b"x", _LONG) for _ in range(20))),
    ),
    *(
        one(f"the host {host!r}", head(b"GET / HTTP/1.1", b"Host: " + host), headers=((b"host", host),))
        for host in (
            b"",
            b"a:8000",
            b"a:",
            b"a_b-c.example.",
            b"127.0.0.1:80",
            b"[::1]",
            b"[2001:db8::1]:80",
            b"a%41",
        )
    ),
)

BODIES = (
    _length_row("a body", b"5", b"hello"),
    _length_row("a body that is a request", b"%d" % len(_GET), _GET),
    _length_row("a length with zeros before it", b"0005", b"hello"),
    _length_row("a length with more zeros than Python converts", b"0" * 5000 + b"5", b"hello"),
    _length_row("a length of 0", b"0", b""),
    _length_row("a body of all bytes", b"256", bytes(range(256))),
    one("a POST without a length has no body (RFC 9112 6.3)", post(), method="POST"),
    one(
        "a GET with a body",
        head(b"GET / HTTP/1.1", b"Host: a", b"Content-Length: 2") + b"ab",
        headers=(*HOST, (b"content-length", b"2")),
        body=b"ab",
    ),
    one(
        "white space around the length",
        post(b"Content-Length:\t 2 \t", body=b"ab"),
        method="POST",
        headers=(*HOST, (b"content-length", b"2")),
        body=b"ab",
    ),
    one(
        "a body on HTTP/1.0",
        head(b"POST / HTTP/1.0", b"Content-Length: 2") + b"ab",
        method="POST",
        headers=((b"content-length", b"2"),),
        body=b"ab",
        http11=False,
        keep_alive=False,
    ),
    one(
        "chunked in capitals",
        post(b"TRANSFER-ENCODING: Chunked", body=b"1\r\na\r\n0\r\n\r\n"),
        method="POST",
        headers=(*HOST, (b"transfer-encoding", b"Chunked")),
        body=b"a",
    ),
    _chunked_row("no chunk", b"0\r\n\r\n", b""),
    _chunked_row("chunks", b"5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", b"hello world"),
    _chunked_row(
        "chunk sizes in hexadecimal, of both cases",
        b"a\r\n0123456789\r\nB\r\n0123456789X\r\n0\r\n\r\n",
        b"01234567890123456789X",
    ),
    _chunked_row("zeros before a size", b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    _chunked_row("a chunk that holds line ends and sizes", b"9\r\n0\r\n\r\n1\r\na\r\n0\r\n\r\n", b"0\r\n\r\n1\r\na"),
    _chunked_row("extensions are ignored (RFC 9112 7.1.1)", b'1;a=b;c="d e"\r\na\r\n0;last\r\n\r\n', b"a"),
    _chunked_row("an empty extension", b"1;\r\na\r\n0\r\n\r\n", b"a"),
    _chunked_row("trailers are dropped", b"1\r\na\r\n0\r\nX-Sum: 9\r\nY:\r\n\r\n", b"a"),
)

CONNECTIONS = (
    _connection_row("HTTP/1.1 and close", b"1.1", b"close", False),
    _connection_row("HTTP/1.1 and keep-alive", b"1.1", b"keep-alive", True),
    _connection_row("HTTP/1.1 and a token in capitals", b"1.1", b"CLOSE", False),
    _connection_row("HTTP/1.1 and a list with close", b"1.1", b"x, close ,y", False),
    _connection_row("HTTP/1.1 and a token that only holds close", b"1.1", b"not-close", True),
    _connection_row("close beats keep-alive", b"1.1", b"keep-alive, close", False),
    _connection_row("HTTP/1.0 and keep-alive", b"1.0", b"Keep-Alive", True),
    _connection_row("HTTP/1.0 and close", b"1.0", b"close", False),
    _connection_row("HTTP/1.0 and another token", b"1.0", b"x", False),
    _connection_row("close beats keep-alive on HTTP/1.0", b"1.0", b"close, keep-alive", False),
    one(
        "two Connection headers are one list",
        head(b"GET / HTTP/1.1", b"Host: a", b"Connection: x", b"Connection: close"),
        headers=(*HOST, (b"connection", b"x"), (b"connection", b"close")),
        keep_alive=False,
    ),
    one(
        "an upgrade",
        head(b"GET / HTTP/1.1", b"Host: a", b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket"),
        headers=(*HOST, (b"connection", b"keep-alive, Upgrade"), (b"upgrade", b"WebSocket")),
        upgrade=b"websocket",
    ),
    one(
        "an upgrade that Connection does not name is none (RFC 9110 7.8)",
        head(b"GET / HTTP/1.1", b"Host: a", b"Upgrade: websocket"),
        headers=(*HOST, (b"upgrade", b"websocket")),
    ),
    one(
        "Connection names an upgrade that is not there",
        head(b"GET / HTTP/1.1", b"Host: a", b"Connection: upgrade"),
        headers=(*HOST, (b"connection", b"upgrade")),
    ),
    one(
        "an upgrade on HTTP/1.0 is none (RFC 9110 7.8)",
        head(b"GET / HTTP/1.0", b"Connection: upgrade", b"Upgrade: websocket"),
        headers=((b"connection", b"upgrade"), (b"upgrade", b"websocket")),
        http11=False,
        keep_alive=False,
    ),
    one(
        "an expectation (RFC 9110 10.1.1)",
        post(b"Expect: 100-Continue", b"Content-Length: 2", body=b"ab"),
        method="POST",
        headers=(*HOST, (b"expect", b"100-Continue"), (b"content-length", b"2")),
        body=b"ab",
        waits=True,
    ),
    one(
        "an expectation and chunks",
        chunked(b"1\r\na\r\n0\r\n\r\n", b"Expect: 100-continue"),
        method="POST",
        headers=(*HOST, (b"transfer-encoding", b"chunked"), (b"expect", b"100-continue")),
        body=b"a",
        waits=True,
    ),
    one(
        "an expectation without a body",
        post(b"Expect: 100-continue"),
        method="POST",
        headers=(*HOST, (b"expect", b"100-continue")),
    ),
    one(
        "an expectation on HTTP/1.0 is ignored",
        head(b"POST / HTTP/1.0", b"Expect: 100-continue", b"Content-Length: 2") + b"ab",
        method="POST",
        headers=((b"expect", b"100-continue"), (b"content-length", b"2")),
        body=b"ab",
        http11=False,
        keep_alive=False,
    ),
)

_FIRST = Parsed(method="POST", headers=(*HOST, (b"content-length", b"5")), body=b"hello")
_SECOND = Parsed(method="POST", headers=(*HOST, (b"transfer-encoding", b"chunked")), body=b"abc")
_FIRST_RAW = post(b"Content-Length: 5", body=b"hello")
_SECOND_RAW = chunked(b"2\r\nab\r\n1\r\nc\r\n0\r\nX: 1\r\n\r\n")

PIPELINES = (
    Valid("two requests", _GET + _GET, (Parsed(), Parsed())),
    Valid("bodies between requests", _FIRST_RAW + _SECOND_RAW + _GET, (_FIRST, _SECOND, Parsed())),
    Valid("an empty line between requests", _FIRST_RAW + b"\r\n" + _GET, (_FIRST, Parsed())),
    Valid("nothing of one request is left in the next", _SECOND_RAW + _FIRST_RAW, (_SECOND, _FIRST)),
    Valid("twenty requests", _GET * 20, (Parsed(),) * 20),
)

ACCEPTED = (*REQUEST_LINES, *FIELDS, *BODIES, *CONNECTIONS, *PIPELINES)
