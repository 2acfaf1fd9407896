"""A plain WSGI app that does on request what real apps do by accident. Its twin is asgi_probe.py."""

import json
import sys
from urllib.parse import parse_qs

import gates

calls = 0
produced = 0  # bytes of endless responses


def text(start_response, body, status="200 OK", headers=()):
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers])
    return [body]


def as_json(start_response, value):
    body = json.dumps(value).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def hello(environ, start_response, query):
    return text(start_response, b"hello")


def number(environ, start_response, query):
    return text(start_response, query["n"].encode())


def whoami(environ, start_response, query):
    worker = environ["pfork.worker"]
    names = ("number", "generation", "kind", "pid", "requests")
    return as_json(start_response, {name: getattr(worker, name) for name in names})


def count(environ, start_response, query):
    return as_json(start_response, calls)


def echo(environ, start_response, query):
    return text(start_response, environ["wsgi.input"].read())


def echo_chunked(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: environ["wsgi.input"].read(4096), b"")


def drop_body(environ, start_response, query):
    return text(start_response, b"not read")


def request(environ, start_response, query):
    strings = {key: value for key, value in environ.items() if isinstance(value, str)}
    headers = {key[5:].replace("_", "-").lower(): value for key, value in strings.items() if key.startswith("HTTP_")}
    return as_json(
        start_response,
        {
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "query": environ["QUERY_STRING"],
            "protocol": environ["SERVER_PROTOCOL"],
            "headers": headers,
            "environ": strings,
        },
    )


def hold(environ, start_response, query):
    gates.hold(query["gate"], query.get("name", "entered"))
    return text(start_response, b"held")


def block(environ, start_response, query):
    gates.hold(query["gate"], query.get("name", "entered"))  # as hold: a WSGI app has no other way to wait
    return text(start_response, b"held")


def hold_midway(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first\n"
    gates.hold(query["gate"], "midway")
    yield b"second\n"


def after(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    yield b"hello"
    gates.hold(query["gate"], "after")


class Stream:
    """An endless response; its ``close`` tells the test that the server let go of it."""

    def __init__(self, gate):
        self.gate = gate

    def __iter__(self):
        return self

    def __next__(self):
        global produced  # noqa: PLW0603 - as calls
        produced += 65536
        return b"x" * 65536

    def close(self):
        gates.tell(self.gate, "closed")


def endless(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return Stream(query["gate"])


def progress(environ, start_response, query):
    return as_json(start_response, produced)


def status(environ, start_response, query):
    start_response(query["status"], [("Content-Type", "text/plain")])
    return [query.get("body", "").encode()]


def close(environ, start_response, query):
    return text(start_response, b"bye", headers=[("Connection", "close")])


def big(environ, start_response, query):
    size = int(query["size"])
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    return (b"x" * min(65536, size - sent) for sent in range(0, size, 65536))


def file(environ, start_response, query):
    """The file of a path from an offset on, through the server's file wrapper."""
    opened = open(query["path"], "rb")  # noqa: SIM115 - the server closes it
    opened.seek(int(query.get("offset", "0")))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](opened, 8192)


def raises(environ, start_response, query):
    raise RuntimeError("the app raised")


def raises_midway(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "100")])
    yield b"first"
    raise RuntimeError("the app raised midway")


def exits(environ, start_response, query):
    sys.exit(7)


def wrong_type(environ, start_response, query):
    return None


def wrong_body_type(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["text, not bytes"]


def wrong_status_type(environ, start_response, query):
    start_response(200, [("Content-Type", "text/plain")])
    return [b"never"]


def no_start(environ, start_response, query):
    return [b"no head"]


def split_header(environ, start_response, query):
    start_response("200 OK", [("X-Split", "a\r\nSet-Cookie: b=c")])
    return [b"never"]


def too_many(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello and more"]


def too_few(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "50")])
    return [b"hello"]


ROUTES = {
    "/": hello,
    "/number": number,
    "/whoami": whoami,
    "/calls": count,
    "/echo": echo,
    "/echo-chunked": echo_chunked,
    "/drop-body": drop_body,
    "/request": request,
    "/hold": hold,
    "/block": block,
    "/hold-midway": hold_midway,
    "/after": after,
    "/endless": endless,
    "/status": status,
    "/close": close,
    "/big": big,
    "/file": file,
    "/progress": progress,
    "/raises": raises,
    "/raises-midway": raises_midway,
    "/exits": exits,
    "/wrong-type": wrong_type,
    "/wrong-body-type": wrong_body_type,
    "/wrong-status-type": wrong_status_type,
    "/no-start": no_start,
    "/split-header": split_header,
    "/too-many": too_many,
    "/too-few": too_few,
}


def app(environ, start_response):
    global calls  # noqa: PLW0603 - the test asks how often this process was called
    calls += 1
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    route = ROUTES.get(environ["PATH_INFO"])
    if route is None:
        return text(start_response, b"no such page", "404 Not Found")
    return route(environ, start_response, query)


def create_app(greeting="made by a factory", *, loud=False):
    """A factory, with a default for each argument."""

    def made(environ, start_response):
        return text(start_response, (greeting.upper() if loud else greeting).encode())

    return made


class Holder:
    """For targets with dots behind the colon."""

    class Inner:
        application = staticmethod(create_app("nested"))


not_callable = {"this": "is not an app"}
