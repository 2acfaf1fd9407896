"""From the command to a server that is ready: targets, kinds, titles, and what counts as capacity."""

import os
import subprocess
import sys

import psutil
import pytest

from tests.e2e import lines
from tests.e2e.harness import Server, run

HOLDS_AT_IMPORT = """
import os

import gates

gates.hold(os.environ["GATE"])
from wsgi_probe import app
"""


def test_says_what_starts_where_and_when_it_is_ready(server):
    one = server("wsgi_probe:app", "-w", "4")
    assert one.wait_line(lines.STARTING)["app"] == "wsgi_probe:app"
    assert one.wait_line(lines.READY).group("workers", "generation") == ("4", "1")
    said = one.log.all(lines.WORKER_READY)
    assert sorted(match["number"] for match in said) == ["1", "2", "3", "4"]
    assert {int(match["pid"]) for match in said} == set(one.workers().values())
    assert one.get("/").text == "hello"


def test_process_titles_name_arbiter_worker_and_generation(server):
    one = server("wsgi_probe:app", "-w", "2")
    assert psutil.Process(one.pid).cmdline()[0] == "pfork: arbiter [wsgi_probe:app]"
    titles = {psutil.Process(pid).cmdline()[0] for pid in one.workers().values()}
    assert titles == {"pfork: worker 1 gen 1 [wsgi_probe:app]", "pfork: worker 2 gen 1 [wsgi_probe:app]"}


def test_a_name_takes_the_place_of_the_app_in_titles(server):
    one = server("wsgi_probe:app", "--name", "shop")
    assert psutil.Process(one.pid).cmdline()[0] == "pfork: arbiter [shop]"
    assert psutil.Process(one.workers()[1]).cmdline()[0] == "pfork: worker 1 gen 1 [shop]"


def test_listens_on_several_addresses(server, unix_path):
    one = server("wsgi_probe:app", bind=["127.0.0.1:0", "[::1]:0", f"unix:{unix_path}"])
    assert len(one.addresses) == 3
    for address in one.addresses:
        with one.client(address) as client:
            assert client.get("/").text == "hello"
    one.stop()
    assert not os.path.exists(unix_path)


def test_a_worker_is_capacity_only_when_its_app_is_imported(server, gate):
    one = server("held:app", files={"held.py": HOLDS_AT_IMPORT}, env={"GATE": gate.path}, wait=False)
    listening = one.wait_line(lines.LISTENING)
    visit = gate.wait()
    assert not one.log.all(lines.WORKER_READY)
    host, _, port = listening["address"].removeprefix("http://").rpartition(":")
    with one.raw((host, int(port))) as client:
        client.get("/")  # waits in the backlog: nobody refuses it
        assert not one.log.all(lines.READY)
        visit.let_go()
        assert client.answer().body == b"hello"
    one.wait_line(lines.READY)


def test_only_workers_import_the_app(server, gate):
    files = {"held.py": HOLDS_AT_IMPORT}
    one = server("held:app", "-w", "2", files=files, env={"GATE": gate.path}, wait=False)
    visits = [gate.wait(), gate.wait()]
    for visit in visits:
        visit.let_go()
    one.wait_line(lines.READY)
    assert {visit.pid for visit in visits} == set(one.workers().values())


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs Linux's /proc")
def test_the_arbiter_imports_neither_asyncio_nor_httptools(server):
    one = server("asgi_probe:app", "-k", "async")

    def loaded(pid):
        with open(f"/proc/{pid}/maps") as maps:
            text = maps.read()
        return {name for name in ("_asyncio.", "httptools", "uvloop") if name in text}

    assert loaded(one.workers()[1]) >= {"httptools"}
    assert loaded(one.pid) == set()


TARGETS = {
    "module alone, with app": ("flask_app", "Flask says hello"),
    "module alone, with application": ("django_site.wsgi", None),
    "attribute": ("wsgi_probe:app", "hello"),
    "nested attribute": ("wsgi_probe:Holder.Inner.application", "nested"),
    "factory": ("wsgi_probe:create_app()", "made by a factory"),
    "factory with arguments": ("wsgi_probe:create_app('made', loud=True)", "MADE"),
}


@pytest.mark.parametrize(("target", "says"), TARGETS.values(), ids=TARGETS)
def test_target(server, tmp_path, target, says):
    one = server(target, env={"DJANGO_SITE_DATA": str(tmp_path)})
    assert one.get("/").text == (says or "Django says hello")


def test_the_current_directory_is_importable(server):
    app = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'from here']\n"
    one = server("package.module:app", files={"package/__init__.py": "", "package/module.py": app})
    assert one.get("/").text == "from here"


KINDS = {
    "WSGI": (("wsgi_probe:app",), "sync", "WSGI"),
    "WSGI with threads": (("wsgi_probe:app", "--threads", "2"), "thread", "WSGI"),
    "ASGI": (("asgi_probe:app",), "async", "ASGI"),
    "WSGI, sync": (("wsgi_probe:app", "-k", "sync"), "sync", "WSGI"),
    "WSGI, thread": (("wsgi_probe:app", "-k", "thread"), "thread", "WSGI"),
    "WSGI, gthread": (("wsgi_probe:app", "-k", "gthread"), "thread", "WSGI"),
    "ASGI, uvicorn's name": (("asgi_probe:app", "-k", "uvicorn.workers.UvicornWorker"), "async", "ASGI"),
}


@pytest.mark.parametrize(("args", "kind", "interface"), KINDS.values(), ids=KINDS)
def test_kind_is_detected_or_chosen(server, args, kind, interface):
    one = server(*args)
    assert one.wait_line(lines.WORKER_READY).group("kind", "interface") == (kind, interface)
    assert one.get("/whoami").json()["kind"] == kind


MISFITS = {
    "WSGI under async": (("wsgi_probe:app", "-k", "async"), ("WSGI", "sync", "thread")),
    "ASGI under sync": (("asgi_probe:app", "-k", "sync"), ("ASGI", "async")),
    "ASGI under thread": (("asgi_probe:app", "-k", "thread"), ("ASGI", "async")),
}


@pytest.mark.parametrize(("args", "words"), MISFITS.values(), ids=MISFITS)
def test_kind_that_does_not_fit_is_an_error_that_names_those_that_do(args, words):
    result = run(*args, "-w", "2", bind=["127.0.0.1:0"])
    assert result.code == 1, result
    for word in words:
        assert word in result.err
    assert lines.TRACEBACK not in result.err


def test_scoreboard_values_are_seen_by_the_app(server):
    one = server("wsgi_probe:app", "-w", "1")
    with one.client() as client:
        first, second = client.get("/whoami").json(), client.get("/whoami").json()
    assert first == {"number": 1, "generation": 1, "kind": "sync", "pid": one.workers()[1], "requests": 0}
    assert second["requests"] == 1


def test_version_and_help_are_told_on_stdout():
    version = run("--version")
    assert version.code == 0
    assert version.out.split()[0].rstrip(",") == "pfork"
    help_text = run("--help")
    assert help_text.code == 0
    for word in ("--bind", "--workers", "--worker-class", "--threads", "--timeout", "--check-config"):
        assert word in help_text.out


def test_a_server_leaks_nothing_that_python_can_see(server):
    one = server("asgi_probe:app", "-k", "async", env={"PYTHONDEVMODE": "1"})
    with one.client() as client:
        assert client.post("/echo", content=b"x" * 100_000).content == b"x" * 100_000
    assert one.stop() == 0
    assert "ResourceWarning" not in one.log.text


MEBI = 2**20


def interpreter_memory():
    """Bytes that a Python process takes which does nothing at all."""
    pages = subprocess.check_output([sys.executable, "-c", "print(open('/proc/self/statm').read().split()[1])"])
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_memory_stays_within_its_budget(server):
    app = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"
    one = server("trivial:app", "-w", "2", "-k", "sync", files={"trivial.py": app})
    with one.client() as client:
        for _ in range(20):
            client.get("/")
    # CPython 3.11 takes 8.5 of the 20 MiB before pfork's first line, and its successors take up to one more.
    budget = 20 * MEBI + max(0, interpreter_memory() - int(8.6 * MEBI))
    arbiter = psutil.Process(one.pid).memory_info()
    assert arbiter.rss <= budget, f"arbiter: {arbiter.rss / MEBI:.1f} MiB"
    for pid in one.workers().values():
        worker = psutil.Process(pid).memory_full_info()
        assert worker.rss <= budget, f"worker: {worker.rss / MEBI:.1f} MiB"
        assert worker.uss <= 6 * MEBI, f"worker: {worker.uss / MEBI:.1f} MiB of its own"


def test_the_default_port_is_8000():
    printed = run("--print-config", "wsgi_probe:app")
    assert "127.0.0.1:8000" in printed.out, printed


def test_ends_with_an_exit_code_when_stopped_while_it_boots(gate):
    options = {"files": {"held.py": HOLDS_AT_IMPORT}, "env": {"GATE": gate.path}, "wait": False}
    with Server("held:app", "-w", "2", **options) as one:
        gate.wait()
        gate.wait()
        assert one.stop() == 0
