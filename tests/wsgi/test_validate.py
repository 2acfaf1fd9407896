"""The gateway under wsgiref's validator: what either side does wrong by PEP 3333 is an AssertionError, a 500."""

import io
import sys
import warnings
from wsgiref.validate import validator

import pytest

from pfork.sockets import ConnectionInfo

from .fakes import TCP, UNIX, request, serve

PLAIN = [("Content-Type", "text/plain")]
HOST = ("Host: example.org",)


def returns_list(environ, start_response):
    start_response("200 OK", PLAIN)
    return [b"he", b"llo"]


def yields(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b"he"
    yield b"llo"


def begins_with_nothing(environ, start_response):
    start_response("200 OK", PLAIN)
    yield b""
    yield b"hello"


def writes(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"he")
    write(b"llo")
    return []


def writes_and_returns(environ, start_response):
    start_response("200 OK", PLAIN)(b"he")
    return [b"llo"]


def replaces_its_head(environ, start_response):
    start_response("500 Oh", PLAIN)
    try:
        raise ValueError
    except ValueError:
        start_response("200 OK", PLAIN, sys.exc_info())
    return [b"hello"]


def knows_its_length(environ, start_response):
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return [b"hello"]


def wraps_a_file(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"hello"))


def uses_errors(environ, start_response):
    environ["wsgi.errors"].write("one\n")
    environ["wsgi.errors"].writelines(["two\n", "three\n"])
    environ["wsgi.errors"].flush()
    start_response("200 OK", PLAIN)
    return [b"hello"]


APPS = [
    returns_list,
    yields,
    begins_with_nothing,
    writes,
    writes_and_returns,
    replaces_its_head,
    knows_its_length,
    wraps_a_file,
    uses_errors,
]

REQUESTS = {
    "GET": request(),
    "with a query": request("GET /a%20b?c=d HTTP/1.1"),
    "HTTP/1.0": request("GET / HTTP/1.0", ()),
    "POST": request("POST / HTTP/1.1", (*HOST, "Content-Type: a/b"), b"body"),
    "chunked": request("POST / HTTP/1.1", (*HOST, "Transfer-Encoding: chunked")) + b"4\r\nbody\r\n0\r\n\r\n",
    "absolute form": request("GET http://example.org/ HTTP/1.1"),
    "asterisk form": request("OPTIONS * HTTP/1.1"),
}

CONNECTIONS = {
    "TCP": TCP,
    "unix": UNIX,
    "IPv6": ConnectionInfo("http", ("::1", 8000), ("::2", 9)),
    "https": ConnectionInfo("https", ("127.0.0.1", 443), ("192.0.2.7", 9)),
}


@pytest.mark.parametrize("info", CONNECTIONS.values(), ids=CONNECTIONS)
@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("app", APPS)
def test_gateway_is_valid(app, data, info, log):
    served = serve(validator(app), data, info=info)
    assert [line for line in log.errors if "Error handling" in line] == []
    assert (served.answer.status, served.answer.body) == (200, b"hello")


@pytest.mark.parametrize("script_name", ["/app", "/app/", "app"])
@pytest.mark.parametrize("path", ["/app", "/app/", "/app/x"])
def test_mounted_gateway_is_valid(path, script_name, log):
    served = serve(validator(returns_list), request(f"GET {path} HTTP/1.1"), script_name=script_name)
    assert (served.answer.status, log.errors) == (200, [])


def test_unusual_method_is_valid(log):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the validator warns of every method that it does not know
        served = serve(validator(returns_list), request("PROPFIND / HTTP/1.1"))
    assert (served.answer.status, log.errors) == (200, [])


READS = {
    "all": lambda stream: stream.read(1000),
    "in pieces": lambda stream: stream.read(3) + stream.read(1000) + stream.read(1),
    "lines": lambda stream: b"".join(iter(stream.readline, b"")),
    "readlines": lambda stream: b"".join(stream.readlines()),
    "a line at most so long": lambda stream: stream.readline(2) + stream.read(1000),
    "readlines with a hint": lambda stream: b"".join(stream.readlines(3) + stream.readlines()),
    "iteration": b"".join,
}


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_input_is_valid(read, framing, log):
    body = b"one\ntwo\nthree"
    lines = (*HOST, "Content-Type: text/plain")
    if framing == "length":
        data = request("POST / HTTP/1.1", lines, body)
    else:
        data = request("POST / HTTP/1.1", (*lines, "Transfer-Encoding: chunked"))
        data += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    @validator
    def app(environ, start_response):
        found = read(environ["wsgi.input"])
        start_response("200 OK", PLAIN)
        return [found]

    assert serve(app, data).answer.body == body
    assert log.errors == []


def test_input_is_seekable_and_ends_by_itself():
    def app(environ, start_response):
        stream = environ["wsgi.input"]
        first = stream.read()
        stream.seek(0)
        start_response("200 OK", PLAIN)
        return [first, stream.read(), stream.read(), stream.read(5)]

    assert serve(app, request("POST / HTTP/1.1", HOST, b"body")).answer.body == b"bodybody"


def test_validator_would_notice():
    """The other tests say nothing if the validator is silent: an app that breaks the rules is a 500."""

    def app(environ, start_response):
        start_response("200", PLAIN)
        return [b""]

    assert serve(validator(app)).answer.status == 500
