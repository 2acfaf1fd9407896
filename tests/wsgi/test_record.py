"""What the access log can ask of a request and its response."""

import pytest

from pfork.config import LogSettings
from pfork.sockets import ConnectionInfo
from pfork.telemetry import AccessLog

from .fakes import UNIX, Closing, Collector, hello, make_gateway, request, serve


class Recorder:
    """An access log that keeps what it was asked to log, as values."""

    NAMES = (
        "remote_addr",
        "method",
        "target",
        "path",
        "query",
        "protocol",
        "status",
        "bytes_sent",
        "duration_ns",
    )

    def __init__(self, *, calls=()):
        self.calls = calls
        self.entries = []

    def log(self, exchange):
        entry = {name: getattr(exchange, name) for name in self.NAMES}
        entry.update({(method, name): getattr(exchange, method)(name) for method, name in self.calls})
        self.entries.append(entry)


def logged(app, data=None, *, calls=(), **options):
    recorder = Recorder(calls=calls)
    serve(app, data, access_log=recorder, **options)
    assert len(recorder.entries) == 1, "one line for each request"
    return recorder.entries[0]


def stripped(environ, start_response):
    """Moves the path, as a dispatcher does."""
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = environ["PATH_INFO"], ""
    return hello(environ, start_response)


REQUESTS = {
    "an ordinary request": (
        "GET /a/b?c=d HTTP/1.1",
        {
            "method": "GET",
            "target": "/a/b?c=d",
            "path": "/a/b",
            "query": "c=d",
            "protocol": "HTTP/1.1",
            "status": "200",
            "bytes_sent": 5,
            "remote_addr": "192.0.2.7",
        },
    ),
    "HTTP/1.0": ("POST / HTTP/1.0", {"method": "POST", "protocol": "HTTP/1.0", "query": ""}),
    "escapes": ("GET /%C3%A9%22?%22 HTTP/1.1", {"target": "/%C3%A9%22?%22", "path": '/\xc3\xa9"', "query": "%22"}),
    "absolute form": (
        "GET http://example.org/a?b HTTP/1.1",
        {"target": "http://example.org/a?b", "path": "/a", "query": "b"},
    ),
    "HEAD sends no body": ("HEAD / HTTP/1.1", {"status": "200", "bytes_sent": 0}),
}


@pytest.mark.parametrize("app", [hello, stripped])
@pytest.mark.parametrize(("line", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_request_is_recorded_as_it_was_sent(line, expected, app):
    entry = logged(app, request(line))
    assert {name: entry[name] for name in expected} == expected
    assert entry["duration_ns"] > 0


def test_path_has_the_script_name_in_it():
    assert logged(hello, request("GET /app/x HTTP/1.1"), script_name="/app")["path"] == "/app/x"


@pytest.mark.parametrize(
    ("info", "expected"),
    [(UNIX, None), (ConnectionInfo("http", ("::", 80), ("2001:db8::1", 5)), "2001:db8::1")],
    ids=["unix socket", "IPv6"],
)
def test_address_of_the_client(info, expected):
    assert logged(hello, info=info)["remote_addr"] == expected


def test_headers_and_variables_are_found_by_name():
    def app(environ, start_response):
        environ["my.number"] = 5
        start_response("200 OK", [("X-Out", "1"), ("x-out", "2"), ("Content-Type", "a/b")])
        return [b""]

    calls = {
        ("request_header", "user-agent"): "probe",
        ("request_header", "X-In"): "a,b",
        ("request_header", "Content-Type"): "c/d",
        ("request_header", "missing"): None,
        ("response_header", "X-OUT"): "2",
        ("response_header", "content-type"): "a/b",
        ("response_header", "missing"): None,
        ("variable", "REMOTE_PORT"): "40001",
        ("variable", "my.number"): "5",
        ("variable", "missing"): None,
    }
    lines = ("Host: example.org", "User-Agent: probe", "X-In: a", "X-In: b", "Content-Type: c/d")
    entry = logged(app, request(headers=lines), calls=calls)
    assert {call: entry[call] for call in calls} == calls


def failing(environ, start_response):
    start_response("200 OK", [("X", "a\nb")])
    return [b"never"]


def streaming(*given):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "9")])
        return Closing(given)

    return app


# app, output -> status and bytes of the body
OUTCOMES = {
    "an error page": (failing, Collector(), ("500", len(b"Internal Server Error\n"))),
    "a cut response": (streaming(b"abc", RuntimeError()), Collector(), ("200", 3)),
    "too few bytes": (streaming(b"abc"), Collector(), ("200", 3)),
    "too many bytes": (streaming(b"abcdef", b"ghijkl"), Collector(), ("200", 9)),
    "a client that left": (streaming(b"abc", b"def"), Collector(room=1), ("200", 6)),
}


@pytest.mark.parametrize(("app", "output", "expected"), OUTCOMES.values(), ids=OUTCOMES)
def test_every_outcome_is_recorded_once(app, output, expected, log):
    entry = logged(app, output=output)
    assert (entry["status"], entry["bytes_sent"]) == expected


def test_record_is_made_after_close():
    recorder = Recorder()
    seen = []

    class Last(Closing):
        def close(self):
            seen.append(len(recorder.entries))

    def app(environ, start_response):
        start_response("200 OK", [])
        return Last([b"a"])

    serve(app, gateway=make_gateway(app, access_log=recorder))
    assert (seen, len(recorder.entries)) == ([0], 1)


def test_access_log_takes_it(tmp_path):
    path = tmp_path / "access.log"
    form = '%(h)s "%(r)s" %(s)s %(B)s %(U)s %(q)s %({x-in}i)s %({content-type}o)s %({wsgi.url_scheme}e)s'
    access_log = AccessLog.open(LogSettings(accesslog=str(path), access_log_format=form))
    serve(hello, request("GET /a?b HTTP/1.1", ("Host: a", "X-In: c")), access_log=access_log)
    access_log.flush()
    assert path.read_text() == '192.0.2.7 "GET /a?b HTTP/1.1" 200 5 /a b c text/plain http\n'
