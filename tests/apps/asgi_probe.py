"""A plain ASGI app that does on request what real apps do by accident. Its twin is wsgi_probe.py."""

import json
import sys
from urllib.parse import parse_qs

import gates

calls = 0
produced = 0  # bytes of endless responses
PLAIN = (b"content-type", b"text/plain")


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client left in the middle of its body")
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def text(send, body, status=200, headers=()):
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [PLAIN, length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def start(send, *headers, status=200):
    await send({"type": "http.response.start", "status": status, "headers": [PLAIN, *headers]})


async def chunk(send, body, more=True):
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def hello(scope, receive, send, query):
    await text(send, b"hello")


async def number(scope, receive, send, query):
    await text(send, query["n"].encode())


async def whoami(scope, receive, send, query):
    worker = scope["extensions"]["pfork.worker"]
    names = ("number", "generation", "kind", "pid", "requests")
    await text(send, json.dumps({name: worker_value(worker, name) for name in names}).encode())


def worker_value(worker, name):
    return worker[name] if isinstance(worker, dict) else getattr(worker, name)


async def count(scope, receive, send, query):
    await text(send, json.dumps(calls).encode())


async def echo(scope, receive, send, query):
    await text(send, await read_body(receive))


async def echo_chunked(scope, receive, send, query):
    await start(send)
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await chunk(send, message.get("body", b""))
    await chunk(send, b"", more=False)


async def drop_body(scope, receive, send, query):
    await text(send, b"not read")


async def request(scope, receive, send, query):
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    value = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "protocol": "HTTP/" + scope["http_version"],
        "headers": headers,
    }
    await text(send, json.dumps(value).encode())


async def hold(scope, receive, send, query):
    await gates.hold_async(query["gate"], query.get("name", "entered"))
    await text(send, b"held")


async def block(scope, receive, send, query):
    gates.hold(query["gate"], query.get("name", "entered"))  # blocks the whole event loop, on purpose
    await text(send, b"held")


async def hold_midway(scope, receive, send, query):
    await start(send)
    await chunk(send, b"first\n")
    await gates.hold_async(query["gate"], "midway")
    await chunk(send, b"second\n", more=False)


async def after(scope, receive, send, query):
    await text(send, b"hello")
    await gates.hold_async(query["gate"], "after")


async def endless(scope, receive, send, query):
    """Sends until the server says that nobody listens, then tells the test so."""
    global produced  # noqa: PLW0603 - as calls
    await start(send)
    try:
        while True:
            produced += 65536
            await chunk(send, b"x" * 65536)
    except OSError:
        gates.tell(query["gate"], "closed")


async def progress(scope, receive, send, query):
    await text(send, json.dumps(produced).encode())


async def watch(scope, receive, send, query):
    """Waits for the end of the connection in ``receive``."""
    await read_body(receive)
    gates.tell(query["gate"], "watching")
    message = await receive()
    gates.tell(query["gate"], message["type"])


async def status(scope, receive, send, query):
    code = int(query["status"].split()[0])
    await start(send, status=code)
    await chunk(send, query.get("body", "").encode(), more=False)


async def close(scope, receive, send, query):
    await text(send, b"bye", headers=[(b"connection", b"close")])


async def big(scope, receive, send, query):
    size = int(query["size"])
    await start(send, (b"content-length", str(size).encode()))
    for sent in range(0, size, 65536):
        await chunk(send, b"x" * min(65536, size - sent), more=sent + 65536 < size)


async def raises(scope, receive, send, query):
    raise RuntimeError("the app raised")


async def raises_midway(scope, receive, send, query):
    await start(send, (b"content-length", b"100"))
    await chunk(send, b"first")
    raise RuntimeError("the app raised midway")


async def exits(scope, receive, send, query):
    sys.exit(7)


async def wrong_type(scope, receive, send, query):
    await send({"type": "http.response.nonsense"})


async def wrong_body_type(scope, receive, send, query):
    await start(send)
    await send({"type": "http.response.body", "body": "text, not bytes"})


async def wrong_status_type(scope, receive, send, query):
    await send({"type": "http.response.start", "status": "200 OK", "headers": []})
    await send({"type": "http.response.body", "body": b"never"})


async def no_start(scope, receive, send, query):
    await send({"type": "http.response.body", "body": b"no head"})


async def split_header(scope, receive, send, query):
    await start(send, (b"x-split", b"a\r\nset-cookie: b=c"))
    await chunk(send, b"never", more=False)


async def too_many(scope, receive, send, query):
    await start(send, (b"content-length", b"5"))
    await chunk(send, b"hello and more", more=False)


async def too_few(scope, receive, send, query):
    await start(send, (b"content-length", b"50"))
    await chunk(send, b"hello", more=False)


async def returns_early(scope, receive, send, query):
    """Returns without a response."""


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
    "/watch": watch,
    "/status": status,
    "/close": close,
    "/big": big,
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
    "/returns-early": returns_early,
}


async def app(scope, receive, send):
    global calls  # noqa: PLW0603 - the test asks how often this process was called
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # no lifespan: the server has to take that for an answer
    calls += 1
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    route = ROUTES.get(scope["path"])
    if route is None:
        await text(send, b"no such page", 404)
    else:
        await route(scope, receive, send, query)
