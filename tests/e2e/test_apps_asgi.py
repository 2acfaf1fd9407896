"""Real ASGI apps under the async kind."""

import hashlib

import pytest

from tests.e2e import django_checks as checks
from tests.e2e import lines

ASYNC = ("-w", "2", "-k", "async")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The environment of a Django project whose database exists."""
    return checks.make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def starlette(shared):
    return shared("starlette_app:app", *ASYNC)


@pytest.fixture
def fastapi(shared):
    return shared("fastapi_app:app", *ASYNC)


@pytest.fixture
def django(shared, site):
    return shared("django_site.asgi", *ASYNC, env=site)


def test_starlette_answers_with_path_and_query(starlette):
    with starlette.client() as client:
        assert client.get("/").text == "Starlette says hello"
        assert client.get("/item/7", params={"q": "ä b"}).json() == {"item": 7, "query": {"q": "ä b"}}
        assert client.get("/item/seven").status_code == 404
        assert client.post("/").status_code == 405


def test_starlette_finds_its_lifespan_state(starlette):
    assert starlette.get("/state").json() == {"database": "open"}


def test_starlette_streams(starlette):
    with starlette.client() as client, client.stream("GET", "/stream/1000") as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert list(answer.iter_lines()) == [f"part {part}" for part in range(1000)]


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
def test_starlette_takes_a_streamed_upload(starlette, chunked):
    data = bytes(range(256)) * 4096 * 4
    pieces = (data[place : place + 10_000] for place in range(0, len(data), 10_000))
    headers = {} if chunked else {"Content-Length": str(len(data))}
    with starlette.client() as client:
        answer = client.post("/upload", content=pieces, headers=headers)
    assert answer.json() == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_starlette_background_task_runs_after_the_response(starlette, gate):
    with starlette.raw() as client:
        assert client.get(f"/background?{gate.query}").answer().body == b"answered"
        visit = gate.wait()
        assert visit.name == "background"
        visit.let_go()
        assert client.get("/").answer().body == b"Starlette says hello"


def test_starlette_endpoint_that_raises_is_a_500_with_a_traceback(starlette):
    assert starlette.get("/fails").status_code == 500
    starlette.wait_line("RuntimeError: Starlette endpoint raised")
    assert starlette.get("/").status_code == 200


def test_fastapi_validates_json(fastapi):
    with fastapi.client() as client:
        taken = client.post("/orders", json={"item": "tea", "count": 2})
        assert (taken.status_code, taken.json()) == (201, {"item": "tea", "count": 2})
        refused = client.post("/orders", json={"item": "tea", "count": 0})
        assert refused.status_code == 422
        assert refused.json()["detail"][0]["loc"] == ["body", "count"]
        broken = client.post("/orders", content=b"{", headers={"Content-Type": "application/json"})
        assert broken.status_code == 422


def test_fastapi_streams(fastapi):
    with fastapi.client() as client, client.stream("GET", "/stream/100") as answer:
        assert list(answer.iter_lines()) == [f"part {part}" for part in range(100)]


def test_fastapi_background_task_does_not_hold_up_other_requests(fastapi, gate):
    with fastapi.raw() as client:
        assert client.get(f"/background?{gate.query}").answer().body == b'{"answered":true}'
        visit = gate.wait()
        assert client.get("/state").answer().body == b'{"database":"open"}'
        visit.let_go()


def test_fastapi_finds_its_lifespan_state(fastapi):
    assert fastapi.get("/state").json() == {"database": "open"}


def test_fastapi_runs_sync_endpoints_in_a_thread(fastapi):
    assert fastapi.get("/thread").json() == {"main": False}


def test_fastapi_lifespan_starts_and_ends_once_per_worker(server):
    fastapi = server("fastapi_app:app", "-w", "2")
    assert fastapi.stop() == 0
    # Counted in the text: what two processes print at the same time may come to stand in one line.
    assert fastapi.log.text.count("fastapi: started") == 2
    assert fastapi.log.text.count("fastapi: shut down") == 2


def test_lifespan_that_is_off_is_not_run(server):
    fastapi = server("fastapi_app:app", "--asgi-lifespan", "off")
    assert fastapi.get("/thread").json() == {"main": False}
    fastapi.stop()
    assert "fastapi: started" not in fastapi.log.text


def test_asgi_apps_get_the_async_kind_without_being_told(server):
    fastapi = server("fastapi_app:app")
    assert fastapi.wait_line(lines.WORKER_READY).group("kind", "interface") == ("async", "ASGI")


def test_django_keeps_a_session_across_workers(django):
    checks.sessions_survive_a_change_of_workers(django)


def test_django_takes_a_form_with_its_csrf_token_only(django):
    checks.a_form_needs_its_csrf_token(django, "noted by async")


@pytest.mark.parametrize("data", [checks.SMALL, checks.BIG], ids=["small", "16 MiB"])
def test_django_takes_a_file_upload(django, data):
    checks.a_file_arrives_whole(django, data)


@pytest.mark.parametrize("parts", [1, 1000])
def test_django_streams_a_download(django, parts):
    checks.a_download_is_streamed_whole(django, parts)


def test_django_view_that_raises_is_a_500(django):
    checks.an_error_is_a_500_and_the_server_goes_on(django)
