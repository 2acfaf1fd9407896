"""The demo: the same pages over WSGI and ASGI, telling who answered."""

import asyncio
import json
import os
import re
import time
from dataclasses import dataclass
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from pfork.demo import app, asgi_app


@dataclass
class Worker:
    """What pfork tells an app of the worker that calls it."""

    number: int = 3
    generation: int = 2
    kind: str = "thread"
    pid: int = 4711
    started: float = 0.0
    requests: int = 99


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask_wsgi(path="/", *, method="GET", query="", worker=None):
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query}
    if worker is not None:
        environ["pfork.worker"] = worker
    setup_testing_defaults(environ)
    started = []

    def start_response(status, headers, exc_info=None):
        started.append((int(status[:3]), {name.lower(): value for name, value in headers}))
        return started.append  # never called: the demo does not use write()

    chunks = validator(app)(environ, start_response)
    body = b"".join(chunks)
    chunks.close()
    return Answer(*started[0], body)


def ask_asgi(path="/", *, method="GET", query="", worker=None):
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
    if worker is not None:
        scope["extensions"] = {"pfork.worker": worker}
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("the demo reads no body")

    asyncio.run(asgi_app(scope, receive, send))
    start, body = sent
    return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"])


@pytest.fixture(params=[ask_wsgi, ask_asgi], ids=["wsgi", "asgi"])
def ask(request):
    return request.param


def test_the_page_says_which_worker_answered(ask):
    page = ask(worker=Worker(started=time.time() - 3600))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Worker 3</h1>" in page.text
    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]*)</dd>", page.text))
    interface = facts.pop("Interface")
    assert interface == ("WSGI" if ask is ask_wsgi else "ASGI")
    assert 3600 <= int(facts.pop("Uptime").split()[0]) < 3700
    assert facts == {"Kind": "thread", "Generation": "2", "Requests done": "99", "Process": "4711"}


def test_without_pfork_the_page_names_the_process(ask):
    page = ask()
    assert f"<h1>Process {os.getpid()}</h1>" in page.text
    assert "{{" not in page.text


def test_each_answer_ends_its_connection_so_that_the_next_worker_gets_the_next_request(ask):
    for path in ("/", "/whoami.json"):
        assert ask(path).headers["connection"] == "close"
        assert ask(path).headers["cache-control"] == "no-store"


def test_the_page_asks_for_nothing_from_outside(ask):
    text = ask().text
    addresses = re.findall(r"""(?:src|href)=["']([^"']*)|url\(([^)]*)|fetch\("([^"]*)""", text)
    outside = [address for found in addresses for address in found if address and not address.startswith("/")]
    assert [address for address in outside if not address.startswith("data:")] == []
    assert "default-src 'none'" in ask().headers["content-security-policy"]


def test_programs_get_the_same_as_json(ask):
    answer = json.loads(ask("/whoami.json", worker=Worker(started=time.time())).body)
    assert answer.pop("uptime") < 100
    assert answer == {
        "pid": 4711,
        "interface": "WSGI" if ask is ask_wsgi else "ASGI",
        "number": 3,
        "generation": 2,
        "kind": "thread",
        "requests": 99,
    }


@pytest.mark.parametrize("query, at_least_ms", [("work=15", 15), ("work=-1", 0), ("work=x", 0), ("work=", 0), ("x", 0)])
def test_work_is_done_when_asked_for(ask, query, at_least_ms):
    start = time.monotonic()
    assert ask("/whoami.json", query=query).status == 200
    assert (time.monotonic() - start) * 1000 >= at_least_ms


def test_text_of_the_server_cannot_break_the_page(ask):
    page = ask(worker=Worker(kind="</script><b>"))
    assert "</script><b>" not in page.text
    assert "&lt;/script&gt;&lt;b&gt;" in page.text


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("GET", "/elsewhere", 404),
        ("POST", "/elsewhere", 404),
        ("GET", "/caf\u00e9", 404),
    ],
)
def test_what_each_request_gets(ask, method, path, status):
    answer = ask(path, method=method)
    assert answer.status == status
    if method == "HEAD":
        assert answer.body == b""
        assert int(answer.headers["content-length"]) > 1000
    else:
        assert int(answer.headers["content-length"]) == len(answer.body)
    assert ("allow" in answer.headers) == (status == 405)


def test_other_scopes_are_refused():
    with pytest.raises(NotImplementedError, match="lifespan"):
        asyncio.run(asgi_app({"type": "lifespan"}, None, None))
