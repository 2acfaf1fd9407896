"""Flask and Django through the gateway, in memory. (End to end, in real workers, they are in ``tests/e2e``.)"""

import hashlib

import django
import flask
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path as route
from flask.logging import default_handler

from .fakes import request, serve

HOST = ("Host: example.org",)
CHUNKED = (*HOST, "Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded")
FORM = (*HOST, "Content-Type: application/x-www-form-urlencoded")

BOUNDARY = "".join(("--------", "boundary"))
UPLOADED = bytes(range(256)) * 100
UPLOAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
    + UPLOADED
    + f"\r\n--{BOUNDARY}--\r\n".encode()
)


def make_flask(file):
    app = flask.Flask(__name__)
    app.secret_key = "only for tests"

    @app.get("/")
    def index():
        return "hello"

    @app.get("/json/<name>")
    def as_json(name):
        return {"name": name, "q": flask.request.args.get("q"), "url": flask.request.url}

    @app.post("/form")
    def form():
        return flask.request.form["a"]

    @app.post("/upload")
    def upload():
        return hashlib.sha256(flask.request.files["file"].read()).hexdigest()

    @app.get("/stream")
    def stream():
        return flask.Response(f"part {part}\n" for part in range(3))

    @app.get("/file")
    def send():
        return flask.send_file(file)

    @app.get("/fails")
    def fails():
        raise RuntimeError("the view raised")

    return app


def make_django(file):
    if not settings.configured:
        settings.configure(SECRET_KEY="only for tests", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
    django.setup()

    def index(request):
        return HttpResponse("hello")

    def form(request):
        return HttpResponse(request.POST["a"])

    def upload(request):
        return HttpResponse(hashlib.sha256(request.FILES["file"].read()).hexdigest())

    def stream(request):
        return StreamingHttpResponse(f"part {part}\n" for part in range(3))

    def send(request):
        return FileResponse(open(file, "rb"))

    def fails(request):
        raise RuntimeError("the view raised")

    views = {"": index, "form": form, "upload": upload, "stream": stream, "file": send, "fails": fails}
    urls = type("urls", (), {"urlpatterns": [route(name, view) for name, view in views.items()]})
    return WSGIHandler, urls


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(UPLOADED * 10)
    return path


@pytest.fixture(params=["flask", "django"])
def app(request, file):
    if request.param == "flask":
        yield make_flask(file)
        return
    handler, urls = make_django(file)
    with override_settings(
        ROOT_URLCONF=urls,
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ):
        yield handler()


PAGES = {
    "a page": (request("GET / HTTP/1.1"), 200, b"hello", "length"),
    "a page on HTTP/1.0": (request("GET / HTTP/1.0"), 200, b"hello", "length"),
    "HEAD": (request("HEAD / HTTP/1.1"), 200, b"", "length"),
    "no such page": (request("GET /none HTTP/1.1"), 404, None, "length"),
    "a form": (request("POST /form HTTP/1.1", FORM, b"a=caf%C3%A9"), 200, "caf\u00e9".encode(), "length"),
    "a form in chunks": (
        request("POST /form HTTP/1.1", CHUNKED) + b"2\r\na=\r\n3\r\nbcd\r\n0\r\n\r\n",
        200,
        b"bcd",
        "length",
    ),
    "an upload": (
        request("POST /upload HTTP/1.1", (*HOST, f"Content-Type: multipart/form-data; boundary={BOUNDARY}"), UPLOAD),
        200,
        hashlib.sha256(UPLOADED).hexdigest().encode(),
        "length",
    ),
    "a streamed response": (request("GET /stream HTTP/1.1"), 200, b"part 0\npart 1\npart 2\n", "chunks"),
    "a file": (request("GET /file HTTP/1.1"), 200, UPLOADED * 10, "length"),
    "an error": (request("GET /fails HTTP/1.1"), 500, None, "length"),
}


@pytest.mark.parametrize(("data", "status", "body", "framing"), PAGES.values(), ids=PAGES)
def test_page_is_served(app, data, status, body, framing, log):
    served = serve(app, data)
    answer = served.answer
    assert answer.status == status
    assert body is None or answer.body == body
    assert answer.chunked is (framing == "chunks")
    assert answer.rest == b""
    assert served.outcome is (b"HTTP/1.0" not in data)


def test_file_of_a_framework_is_sent_from_the_file(app):
    assert [count for _, count in serve(app, request("GET /file HTTP/1.1")).output.files] == [len(UPLOADED) * 10]


def test_traceback_of_flask_goes_to_the_error_log_through_wsgi_errors(file, log):
    app = make_flask(file)
    app.logger.addHandler(default_handler)  # as Flask does itself where nobody has set up logging
    try:
        serve(app, request("GET /fails HTTP/1.1"))
    finally:
        app.logger.removeHandler(default_handler)
    assert len(log.errors) == 1
    assert "Exception on /fails [GET]" in log.errors[0]
    assert "RuntimeError: the view raised" in log.errors[0]


def test_flask_knows_its_own_address(file):
    served = serve(make_flask(file), request("GET /json/a%20b?q=1 HTTP/1.1", ("Host: example.org:8000",)))
    assert served.answer.body == b'{"name":"a b","q":"1","url":"http://example.org:8000/json/a%20b?q=1"}\n'


def test_flask_serves_a_range_of_a_file(file):
    served = serve(make_flask(file), request("GET /file HTTP/1.1", (*HOST, "Range: bytes=5-9")))
    assert (served.answer.status, served.answer.body) == (206, UPLOADED[5:10])
