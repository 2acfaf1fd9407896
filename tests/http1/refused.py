"""Requests that are refused: with which status, and what the client is told."""

from __future__ import annotations

from .cases import Invalid, chunked, head, post


def _line(name: str, line: bytes, status: int, reason: str) -> Invalid:
    """A request line, with a Host below it."""
    return Invalid(name, status, reason, head(line, b"Host: a"))


def _field(name: str, lines: bytes, reason: str) -> Invalid:
    """A header, or several, among good ones."""
    return Invalid(name, 400, reason, head(b"GET / HTTP/1.1", b"Host: a", lines, b"Z: z"))


def _framing(name: str, *fields: bytes, reason: str, status: int = 400) -> Invalid:
    """Headers of a POST that has a body for whoever believes one of them."""
    return Invalid(name, status, reason, post(*fields, body=b"5\r\nhello\r\n0\r\n\r\n"))


def _host(name: str, value: bytes) -> Invalid:
    return Invalid(name, 400, "Host is not", head(b"GET / HTTP/1.1", b"Host: " + value))


_THREE = "the request line is not"
_METHOD = "the method is not"
_VERSION = "does not end with an HTTP version"
_TARGET = "in the request target"
_FORM = "neither a path nor an http URL"
_BARE_LF = "a bare LF"
_CONTROL = "a control character in a header value"
_FOLDED = "begins with white space"
_NAME = "a header name is empty or has a forbidden character"
_LONG_LINE = "longer than limit_request_line"
_LONG_FIELD = "longer than limit_request_field_size"
_MANY_FIELDS = "more headers than"
_LARGE_BODY = "larger than limit_request_body"

REQUEST_LINES = (
    _line("no version (HTTP/0.9)", b"GET /", 400, _THREE),
    _line("two spaces behind the method", b"GET  / HTTP/1.1", 400, _THREE),
    _line("two spaces behind the target", b"GET /  HTTP/1.1", 400, _THREE),
    _line("a space before the method", b" GET / HTTP/1.1", 400, _THREE),
    _line("a space behind the version", b"GET / HTTP/1.1 ", 400, _THREE),
    _line("a space in the target", b"GET /a b HTTP/1.1", 400, _THREE),
    _line("tabs for spaces", b"GET\t/\tHTTP/1.1", 400, _THREE),
    _line("no target", b"GET  HTTP/1.1", 400, _FORM),
    _line("a lower-case method", b"get / HTTP/1.1", 400, _METHOD),
    _line("a method with a forbidden character", b"GE(T / HTTP/1.1", 400, _METHOD),
    _line("a method of two letters", b"GO / HTTP/1.1", 400, _METHOD),
    _line("a method of 21 letters", b"G" * 21 + b" / HTTP/1.1", 400, _METHOD),
    _line("a method with a NUL", b"GE\0T / HTTP/1.1", 400, _METHOD),
    _line("a method beyond ASCII", b"G\xcbT / HTTP/1.1", 400, _METHOD),
    _line("HTTP/2", b"GET / HTTP/2.0", 505, "only HTTP/1.0 and HTTP/1.1"),
    _line("HTTP/1.2", b"GET / HTTP/1.2", 505, "only HTTP/1.0 and HTTP/1.1"),
    _line("HTTP/0.9, in full", b"GET / HTTP/0.9", 505, "only HTTP/1.0 and HTTP/1.1"),
    Invalid("the preface of HTTP/2", 505, "only HTTP/1.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    _line("a version of two digits", b"GET / HTTP/1.10", 400, _VERSION),
    _line("a version without a fraction", b"GET / HTTP/1", 400, _VERSION),
    _line("a version in lower case", b"GET / http/1.1", 400, _VERSION),
    _line("another protocol", b"GET / ICE/1.1", 400, _VERSION),
    _line("a NUL in the target", b"GET /a\0b HTTP/1.1", 400, _TARGET),
    _line("a tab in the target", b"GET /a\tb HTTP/1.1", 400, _TARGET),
    _line("a DEL in the target", b"GET /a\x7fb HTTP/1.1", 400, _TARGET),
    _line("a fragment in the target", b"GET /a#b HTTP/1.1", 400, _TARGET),
    _line("a bare CR in the request line", b"GET /a\rb HTTP/1.1", 400, _TARGET),
    _line("a bare CR behind the version", b"GET / HTTP/1.1\r", 400, _VERSION),
    _line("a target that is no path", b"GET a HTTP/1.1", 400, _FORM),
    _line("a target of another scheme", b"GET ftp://a/ HTTP/1.1", 400, _FORM),
    _line("a target without a host", b"GET http:///a HTTP/1.1", 400, _FORM),
    _line("a target with a port and no host", b"GET http://:80/a HTTP/1.1", 400, _FORM),
    _line("a target with a user (RFC 9110 4.2.4)", b"GET http://user@a/ HTTP/1.1", 400, _FORM),
    _line("the asterisk for another method", b"GET * HTTP/1.1", 400, "for OPTIONS only"),
    _line("the authority form for another method", b"GET a:80 HTTP/1.1", 400, _FORM),
    _line("CONNECT", b"CONNECT a:80 HTTP/1.1", 501, "CONNECT is for proxies"),
    _line("a request line that is too long", b"GET /" + b"x" * 4094 + b" HTTP/1.1", 414, _LONG_LINE),
    _line(
        "a long line counts before what is wrong in it",
        b"get /" + b"x" * 5000 + b" HTTP/9.9",
        414,
        _LONG_LINE,
    ),
    Invalid("a request line without an end", 414, _LONG_LINE, b"GET /" + b"x" * 10_000),
    Invalid("two empty lines before the request", 400, _THREE, b"\r\n\r\n" + head(b"GET / HTTP/1.1", b"Host: a")),
    Invalid("a bare LF before the request", 400, _BARE_LF, b"\n" + head(b"GET / HTTP/1.1", b"Host: a")),
    Invalid("the hello of a TLS client", 400, "not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
)

LINE_ENDS = (
    Invalid("a request with bare LFs", 400, _BARE_LF, b"GET / HTTP/1.1\nHost: a\n\n"),
    Invalid("a bare LF behind the request line", 400, _BARE_LF, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    Invalid("a bare LF behind a header", 400, _BARE_LF, b"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"),
    Invalid("a bare LF at the end of the head", 400, _BARE_LF, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    Invalid(
        "a bare LF for the empty line, and CRLFs later",
        400,
        _BARE_LF,
        b"GET / HTTP/1.1\r\nHost: a\n\nX\r\n\r\n",
    ),
    _field("a bare CR in a value", b"X: 1\r2", _CONTROL),
    _field("a bare CR that hides a header", b"X: 1\rContent-Length: 9", _CONTROL),
    _field("a bare CR at the end of a value", b"X: 1\r", _CONTROL),
    _field("a bare CR before a value", b"X:\r1", _CONTROL),
    _field("a bare CR in a name", b"X\rY: 1", _NAME),
    _field("a bare CR for a line", b"\r", "without a colon"),
    _field("obsolete folding with a space", b"X: 1\r\n 2", _FOLDED),
    _field("obsolete folding with a tab", b"X: 1\r\n\t2", _FOLDED),
    _field("obsolete folding of an empty value", b"X:\r\n 2", _FOLDED),
    _field("a line of white space", b"X: 1\r\n \t ", _FOLDED),
    Invalid("a line of white space for the end", 400, _FOLDED, head(b"GET / HTTP/1.1", b"Host: a", b" ")),
    _field("a line of white space and a request", b" \r\nGET /smuggled HTTP/1.1\r\nHost: b", _FOLDED),
    Invalid(
        "a space before the first header (RFC 9112 2.2)",
        400,
        _FOLDED,
        head(b"GET / HTTP/1.1", b" Host: a"),
    ),
)

FIELDS = (
    _field("a space before the colon", b"X : 1", "before the colon"),
    _field("a tab before the colon", b"X\t: 1", "before the colon"),
    _field("a space before the colon of a length", b"Content-Length : 5", "before the colon"),
    _field("a space in a name", b"X Y: 1", _NAME),
    _field("no name", b": 1", _NAME),
    _field("no colon", b"X", "without a colon"),
    *(
        _field(f"the character {character!r} in a name", b"X" + character + b"Y: 1", _NAME)
        for character in (b"\0", b"\x7f", b"\x80", b'"', b"(", b",", b"/", b";", b"=", b"@", b"[", b"{")
    ),
    *(
        _field(f"the character {character!r} in a value", b"X: 1" + character + b"2", _CONTROL)
        for character in (b"\0", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1b", b"\x7f")
    ),
    Invalid(
        "a header that is too long",
        431,
        _LONG_FIELD,
        head(b"GET / HTTP/1.1", b"Host: a", b"X: " + b"x" * 8188),
    ),
    Invalid("a header without an end", 431, _LONG_FIELD, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000),
    Invalid("a header name without an end", 431, _LONG_FIELD, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x" * 20_000),
    Invalid(
        "one header too many",
        431,
        _MANY_FIELDS,
        head(b"GET / HTTP/1.1", b"Host: a", *(b"X: %d" % n for n in range(100))),
    ),
    Invalid("headers without an end", 431, _MANY_FIELDS, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 1000),
)

HOSTS = (
    Invalid("HTTP/1.1 without a Host", 400, "without Host", head(b"GET / HTTP/1.1")),
    Invalid("the absolute form without a Host", 400, "without Host", head(b"GET http://a/ HTTP/1.1")),
    _field("two Hosts", b"Host: b", "more than one Host"),
    _field("two equal Hosts", b"Host: a", "more than one Host"),
    Invalid(
        "two Hosts and the absolute form",
        400,
        "more than one Host",
        head(b"GET http://a/ HTTP/1.1", b"Host: a", b"host: a"),
    ),
    Invalid("two Hosts on HTTP/1.0", 400, "more than one Host", head(b"GET / HTTP/1.0", b"Host: a", b"Host: b")),
    *(
        _host(f"the Host {value!r}", value)
        for value in (
            b"a b",
            b"a/b",
            b"user@a",
            b"a:80:80",
            b"a:x",
            b"http://a",
            b"a, b",
            b"[::1",
            b"\xc3\xa4",
            b"a?b",
            b'"a"',
            b"a\\b",
        )
    ),
)

FRAMING = (
    _framing(
        "a length and chunks",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        reason="both Content-Length",
    ),
    _framing(
        "chunks and a length",
        b"Transfer-Encoding: chunked",
        b"Content-Length: 5",
        reason="both Content-Length",
    ),
    _framing("two lengths", b"Content-Length: 5", b"Content-Length: 6", reason="more than one Content-Length"),
    _framing("two equal lengths", b"Content-Length: 5", b"content-length: 5", reason="more than one Content-Length"),
    *(
        _framing(f"the length {value!r}", b"Content-Length: " + value, reason="Content-Length is not a number")
        for value in (
            b"",
            b"5, 5",
            b"5,5",
            b"+5",
            b"-5",
            b"5.0",
            b"0x5",
            b"5 5",
            b"five",
            b"5_0",
            b"\xb2",
            b"1e1",
        )
    ),
    _framing(
        "a length beyond 64 bits",
        b"Content-Length: 18446744073709551621",
        status=413,
        reason="larger than any",
    ),
    _framing("a length beyond the limit", b"Content-Length: 1073741825", status=413, reason=_LARGE_BODY),
    *(
        _framing(
            f"the coding {value!r}",
            b"Transfer-Encoding: " + value,
            status=501,
            reason="understood is chunked",
        )
        for value in (
            b"gzip",
            b"identity",
            b"gzip, chunked",
            b"chunked, gzip",
            b"chunked, identity",
            b"xchunked",
            b"chunked;a=b",
            b'"chunked"',
            b"chunked chunked",
            b"chun ked",
        )
    ),
    _framing("chunked twice", b"Transfer-Encoding: chunked, chunked", reason="single word chunked"),
    _framing("no coding", b"Transfer-Encoding:", reason="single word chunked"),
    _framing("a coding and nothing", b"Transfer-Encoding: chunked,", reason="single word chunked"),
    _framing(
        "chunked in two headers",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: chunked",
        reason="single word chunked",
    ),
    _framing(
        "two codings in two headers",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: identity",
        status=501,
        reason="understood is chunked",
    ),
    Invalid(
        "chunks on HTTP/1.0",
        400,
        "Transfer-Encoding in HTTP/1.0",
        head(b"POST / HTTP/1.0", b"Host: a", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    ),
    _framing("another expectation", b"Expect: 200-ok", b"Content-Length: 5", status=417, reason="100-continue"),
    _framing(
        "two expectations",
        b"Expect: 100-continue, x",
        b"Content-Length: 5",
        status=417,
        reason="100-continue",
    ),
)

_SIZE = "a chunk size is not"
_DATA = "no CRLF behind the data of a chunk"
_EXTENSIONS = "too many bytes of chunk extensions"
_TRAILERS = "too many bytes of trailers"
_SMALL_EXTENSION = b"1;" + b"x" * 100 + b"\r\na\r\n"

CHUNKS = (
    *(
        Invalid(f"the chunk size {size!r}", 400, _SIZE, chunked(size + b"\r\nhello\r\n0\r\n\r\n"))
        for size in (
            b"",
            b" 5",
            b"5 ",
            b"5\t",
            b"+5",
            b"-5",
            b"0x5",
            b"5_0",
            b"g",
            b"5,",
            b"5 ;a",
            b"5\0",
            b"\xb2",
            b"5\r",
        )
    ),
    Invalid("a chunk size of 16 digits", 400, _SIZE, chunked(b"0000000000000005\r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk size that overflows", 400, _SIZE, chunked(b"fffffffffffffffff\r\n")),
    Invalid("a chunk beyond the limit", 413, _LARGE_BODY, chunked(b"40000001\r\n")),
    Invalid("chunks beyond the limit", 413, _LARGE_BODY, chunked(b"1\r\na\r\n40000000\r\n")),
    Invalid("a bare LF behind a chunk size", 400, _SIZE, chunked(b"5\nhello\r\n0\r\n\r\n")),
    Invalid("a bare CR behind a chunk size", 400, _SIZE, chunked(b"5\rhello\r\n0\r\n\r\n")),
    Invalid("a chunk size without an end", 400, _SIZE, chunked(b"0" * 10_000)),
    Invalid("a bare LF in an extension", 400, _SIZE, chunked(b"5;a\nhello\r\n0\r\n\r\n")),
    Invalid("a bare CR in an extension", 400, _SIZE, chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    Invalid("a NUL in an extension", 400, _SIZE, chunked(b"5;a\0\r\nhello\r\n0\r\n\r\n")),
    Invalid("an extension without an end", 400, _EXTENSIONS, chunked(b"5;" + b"x" * 10_000)),
    Invalid(
        "an extension that is too long",
        400,
        _EXTENSIONS,
        chunked(b"1;" + b"x" * 4096 + b"\r\na\r\n0\r\n\r\n"),
    ),
    Invalid("too many extensions", 400, _EXTENSIONS, chunked(_SMALL_EXTENSION * 50 + b"0\r\n\r\n")),
    Invalid("a chunk longer than its size", 400, _DATA, chunked(b"4\r\nhello\r\n0\r\n\r\n")),
    Invalid("a chunk with a bare LF behind it", 400, _DATA, chunked(b"5\r\nhello\n0\r\n\r\n")),
    Invalid("a chunk with a bare CR behind it", 400, _DATA, chunked(b"5\r\nhello\r0\r\n\r\n")),
    Invalid("a chunk with no line end to come", 400, _DATA, chunked(b"5\r\nhello0")),
    Invalid("a chunk with nothing behind it", 400, _DATA, chunked(b"5\r\nhello0\r\n\r\n")),
    Invalid("a trailer with a bare LF", 400, "a bare CR or LF in a trailer", chunked(b"0\r\nX: 1\n\r\n")),
    Invalid("a trailer with a bare LF, and no more", 400, "a bare CR or LF in a trailer", chunked(b"0\r\nX: 1\n")),
    Invalid("a trailer with a bare CR", 400, "a bare CR or LF in a trailer", chunked(b"0\r\nX: 1\rY: 2\r\n\r\n")),
    Invalid("a trailer without a colon", 400, "without a colon", chunked(b"0\r\nX\r\n\r\n")),
    Invalid("a folded trailer", 400, _FOLDED, chunked(b"0\r\nX: 1\r\n 2\r\n\r\n")),
    Invalid("a space before the colon of a trailer", 400, "before the colon", chunked(b"0\r\nX : 1\r\n\r\n")),
    Invalid("a NUL in a trailer", 400, _CONTROL, chunked(b"0\r\nX: \0\r\n\r\n")),
    *(
        Invalid(
            f"{name.decode()} for a trailer",
            400,
            "only a header may have",
            chunked(b"0\r\n" + name + b": 5\r\n\r\n"),
        )
        for name in (b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Authorization")
    ),
    Invalid("a trailer without an end", 431, _TRAILERS, chunked(b"0\r\nX: " + b"x" * 20_000)),
    Invalid("too many trailers", 431, _TRAILERS, chunked(b"0\r\n" + (b"X: " + b"x" * 995 + b"\r\n") * 17 + b"\r\n")),
)

REFUSED = (*REQUEST_LINES, *LINE_ENDS, *FIELDS, *HOSTS, *FRAMING, *CHUNKS)
