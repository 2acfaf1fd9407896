"""The bundled demo app: the first thing that anybody sees of pfork."""

import json
import re

import pytest

from tests.e2e.load import Load


@pytest.fixture
def demo(shared):
    return shared("pfork.demo:app", "-w", "4")


def test_page_is_self_contained_html(demo):
    answer = demo.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.lstrip().lower().startswith("<!doctype html>")
    addresses = re.findall(r"""(?:https?:)?//[^\s"')]+""", answer.text)
    assert [one for one in addresses if not one.startswith("http://www.w3.org/")] == []  # names of XML are no loads


def test_page_shows_worker_kind_generation_uptime_and_requests(demo):
    text = re.sub(r"<(style|script)\b.*?</\1>", " ", demo.get("/").text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", text).lower()
    for word in ("worker", "sync", "generation", "uptime", "request"):
        assert word in text, text


def test_reloading_the_page_shows_other_workers(demo):
    pages = [demo.get("/").text for _ in range(40)]
    titles = {re.search(r"<h1>(Worker \d)</h1>", page)[1] for page in pages}
    assert len(titles) >= 2, titles


def test_load_is_shared_by_the_workers(demo):
    with Load(demo.address, kept=0, fresh=8, path="/whoami.json") as load:
        load.wait_answers(400)
    assert not load.lost, load
    assert len({json.loads(body)["pid"] for body in load.bodies}) >= 2


def test_no_other_page_breaks_it(demo):
    assert demo.get("/favicon.ico").status_code in (200, 204, 404)
    assert demo.get("/no-such-page").status_code == 404
    with demo.client() as client:
        assert client.head("/").status_code == 200
        assert client.post("/").status_code == 405
    assert "[ERROR]" not in demo.log.text
