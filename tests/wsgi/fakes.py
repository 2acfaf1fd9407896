"""A connection in memory: what the gateway writes is collected, and read back as a client reads it."""

import http.client
import io
import logging
from contextlib import contextmanager

from pfork.config import HttpSettings
from pfork.sockets import ConnectionInfo
from pfork.wsgi import AbortConnection, ClientGone, WsgiGateway

TCP = ConnectionInfo("http", ("127.0.0.1", 8000), ("192.0.2.7", 40001))
UNIX = ConnectionInfo("http", ("/run/app.sock", None), None)


class Collector:
    """An output that keeps everything: ``writes`` one by one, ``files`` as (offset, count), ``raw`` in order."""

    def __init__(self, *, keep=True, room=None):
        self.keep = keep
        self.room = room  # the client leaves after so many writes
        self.asked = 0
        self.writes = []
        self.files = []
        self.raw = b""

    def write(self, data):
        assert type(data) is bytes
        assert data, "an empty write is a wasted system call"
        self._take(data)

    def send_file(self, file, offset, count):
        position = file.tell()
        file.seek(offset)
        data = file.read(count)
        file.seek(position)
        assert len(data) == count
        self.files.append((offset, count))
        self._take(data)

    def may_keep_alive(self):
        self.asked += 1
        return self.keep

    def _take(self, data):
        if self.room is not None and len(self.writes) >= self.room:
            raise ClientGone("the fake client has left")
        self.writes.append(data)
        self.raw += data


class Served:
    """One exchange, from the client's side."""

    def __init__(self, output, outcome, method, environ):
        self.output = output
        self.outcome = outcome  # True: kept, False: closed, "aborted"
        self.environ = environ
        self.raw = output.raw
        self._method = method

    @property
    def answer(self):
        """The response, parsed by the standard library. Raises IncompleteRead if it is cut."""
        return Answer(self.raw, self._method)


class Answer:
    def __init__(self, raw, method):
        stream = io.BytesIO(raw)
        response = http.client.HTTPResponse(_Socket(stream), method=method)
        response.begin()
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.will_close = response.will_close
        self.chunked = response.chunked
        self.body = response.read()
        self.rest = stream.read()  # behind the response there must be nothing


class _Socket:
    def __init__(self, stream):
        self._stream = stream

    def makefile(self, mode):
        return _Unclosed(self._stream)


class _Unclosed(io.BufferedReader):
    """Reads no further than it is asked to, and leaves the stream open for the rest."""

    def __init__(self, stream):
        super().__init__(_Raw(stream), 1)


class _Raw(io.RawIOBase):
    def __init__(self, stream):
        self._stream = stream

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def request(line="GET / HTTP/1.1", headers=("Host: example.org",), body=b""):
    """The bytes of a request. ``headers`` are lines, ``body`` adds Content-Length."""
    lines = [line, *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def make_gateway(app, **options):
    options.setdefault("script_name", "")
    return WsgiGateway(
        app,
        http=options.pop("http", HttpSettings()),
        multithread=options.pop("multithread", False),
        multiprocess=options.pop("multiprocess", True),
        **options,
    )


def serve(app, data=None, *, info=TCP, output=None, gateway=None, **options):
    """Read ``data`` as a worker does, run the app, and give what came out."""
    gateway = gateway or make_gateway(app, **options)
    output = output or Collector()
    reader = gateway.reader(info)
    assert reader.receive(request() if data is None else data), "the head is not complete"
    body = io.BytesIO(reader.receive_body() if not reader.body_done else b"")
    assert reader.body_done, "the body is not complete"
    try:
        outcome = gateway.run(reader, body, output)
    except AbortConnection:
        outcome = "aborted"
    return Served(output, outcome, reader.method, reader.environ)


def environ_of(data=None, **options):
    """The environ that an app is given for a request."""
    seen = {}

    def app(environ, start_response):
        seen.update(environ)
        seen["body"] = environ["wsgi.input"].read()
        return hello(environ, start_response)

    serve(app, data, **options)
    return seen


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


class Closing:
    """An iterable whose ``close`` is counted."""

    def __init__(self, pieces, on_close=None):
        self._pieces = iter(pieces)
        self._on_close = on_close
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        piece = next(self._pieces)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def close(self):
        self.closed += 1
        if self._on_close is not None:
            raise self._on_close


class LogRecords(logging.Handler):
    """The records of the error log, and their text as a person reads it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.records = []
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def emit(self, record):
        self.records.append(record)

    @property
    def lines(self):
        return [self.format(record) for record in self.records]

    @property
    def errors(self):
        return [self.format(record) for record in self.records if record.levelno >= logging.WARNING]


@contextmanager
def error_log():
    """Listen to ``pfork.error`` at every level, whatever else is attached to it."""
    logger = logging.getLogger("pfork.error")
    before = logger.level, logger.propagate
    records = LogRecords()
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield records
    finally:
        logger.removeHandler(records)
        logger.setLevel(before[0])
        logger.propagate = before[1]
