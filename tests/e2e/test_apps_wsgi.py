"""Real WSGI apps under every kind that serves WSGI."""

import hashlib
from pathlib import Path

import pytest

from tests.e2e import django_checks as checks

KINDS = {"sync": ("-w", "2", "-k", "sync"), "thread": ("-w", "2", "-k", "thread", "--threads", "4")}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The environment of a Django project whose database exists."""
    return checks.make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def flask(shared, kind):
    return shared("flask_app:app", *KINDS[kind])


@pytest.fixture
def django(shared, kind, site):
    return shared("django_site.wsgi", *KINDS[kind], env=site)


def test_flask_answers_with_path_query_and_json(flask):
    with flask.client() as client:
        assert client.get("/").text == "Flask says hello"
        answer = client.get("/hello/J%C3%BCrgen", params={"q": "a b&c"})
        assert answer.json() == {"name": "Jürgen", "query": {"q": "a b&c"}, "scheme": "http"}
        assert client.post("/json", json={"numbers": [1, 2, 3]}).json() == {"sum": 6}
        assert client.get("/no-such-page").status_code == 404


def test_flask_keeps_a_session_in_its_cookie(flask):
    with flask.client() as client:
        assert client.post("/login", data={"user": "ada"}).status_code == 204
        assert client.get("/me").text == "ada"
    assert flask.get("/me").text == "nobody"


def test_flask_takes_an_upload(flask):
    data = bytes(range(256)) * 4096
    with flask.client() as client:
        answer = client.post("/upload", files={"file": ("ä.bin", data)})
    assert answer.json() == {"name": "ä.bin", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_flask_streams_a_generator(flask):
    with flask.client() as client, client.stream("GET", "/stream/1000") as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert list(answer.iter_lines()) == [f"part {part}" for part in range(1000)]


def test_flask_view_that_raises_is_a_500_with_a_traceback(flask):
    assert flask.get("/fails").status_code == 500
    flask.wait_line("RuntimeError: Flask view raised")
    assert flask.get("/").status_code == 200


def test_django_keeps_a_session_across_workers(django):
    checks.sessions_survive_a_change_of_workers(django)


def test_django_takes_a_form_with_its_csrf_token_only(django, kind):
    checks.a_form_needs_its_csrf_token(django, f"noted by {kind}")


@pytest.mark.parametrize("data", [checks.SMALL, checks.BIG], ids=["small", "16 MiB"])
def test_django_takes_a_file_upload(django, data):
    checks.a_file_arrives_whole(django, data)


@pytest.mark.parametrize("parts", [1, 1000])
def test_django_streams_a_download(django, parts):
    checks.a_download_is_streamed_whole(django, parts)


def test_django_view_that_raises_is_a_500(django):
    checks.an_error_is_a_500_and_the_server_goes_on(django)


def test_django_database_is_a_file_of_the_test(django, site):
    assert (Path(site["DJANGO_SITE_DATA"]) / "site.sqlite3").stat().st_size > 0
