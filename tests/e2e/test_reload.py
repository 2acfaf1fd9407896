"""HUP: new code and settings are served when they are ready; when they are broken the old ones serve on."""

import os
import signal
import socket

import psutil
import pytest

from tests.e2e import lines
from tests.e2e.harness import wait_gone
from tests.e2e.load import Load

WSGI = """
from wsgi_probe import app as probe

def app(environ, start_response):
    if environ["PATH_INFO"] == "/version":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1")])
        return [b"{version}"]
    return probe(environ, start_response)
"""

ASGI = """
from asgi_probe import app as probe, text

async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/version":
        return await text(send, b"{version}")
    return await probe(scope, receive, send)
"""

KINDS = {
    "sync": (WSGI, ("-k", "sync")),
    "thread": (WSGI, ("-k", "thread", "--threads", "4")),
    "async": (ASGI, ("-k", "async")),
}

every_kind = pytest.mark.parametrize(("source", "args"), KINDS.values(), ids=KINDS)


def app_file(source, version):
    return source.replace("{version}", str(version))


def reload_done(one, since):
    return one.wait_line(lines.RELOAD_DONE, since=since)


def serves(one, version):
    """Whether the server comes to answer with a version, and stays with it.

    The arbiter says that the new generation is ready when it has told the old one to drain; an old worker may take one
    more connection before it has heard that.
    """
    same = 0
    for _ in range(2000):
        same = same + 1 if one.get("/version").text == str(version) else 0
        if same == 20:
            return True
    return False


@every_kind
def test_reload_serves_new_code_and_loses_no_request(server, source, args):
    one = server("shop:app", "-w", "2", *args, files={"shop.py": app_file(source, 1)})
    before = set(one.workers().values())
    assert one.get("/version").text == "1"
    with Load(one.address) as load:
        for version in (2, 3, 4):
            load.wait_answers(50)
            mark = one.log.mark()
            one.write("shop.py", app_file(source, version))
            one.signal(signal.SIGHUP)
            done = reload_done(one, mark)
            assert done.group("generation", "workers") == (str(version), "2")
            assert serves(one, version)
            load.wait_answers(50)
    assert not load.lost, load
    assert load.refused == 0, load
    assert all(wait_gone(pid) for pid in before)
    titles = {psutil.Process(pid).cmdline()[0] for pid in one.workers().values()}
    assert {title.split(" [")[0].partition(" gen ")[2] for title in titles} == {"4"}


@every_kind
def test_old_generation_serves_until_the_new_one_is_ready(server, gate, source, args):
    one = server("shop:app", "-w", "1", *args, files={"shop.py": app_file(source, 1)}, env={"GATE": gate.path})
    slow = "import gates, os\ngates.hold(os.environ['GATE'], 'importing')\n" + app_file(source, 2)
    one.write("shop.py", slow)
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    visit = gate.wait()
    assert one.get("/version").text == "1"
    assert not one.log.all(lines.RELOAD_READY, since=mark)
    visit.let_go()
    reload_done(one, mark)
    assert serves(one, 2)


@every_kind
def test_request_in_progress_is_finished_by_the_old_generation(server, gate, source, args):
    one = server("shop:app", "-w", "1", *args, files={"shop.py": app_file(source, 1)})
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        visit = gate.wait()
        one.write("shop.py", app_file(source, 2))
        mark = one.log.mark()
        one.signal(signal.SIGHUP)
        one.wait_line(lines.RELOAD_READY, since=mark)
        assert serves(one, 2)
        visit.let_go()
        answer = client.answer()
        assert (answer.body, answer.closes) == (b"held", True)
    assert one.wait_line(lines.EXITED, since=mark)["generation"] == "1"


# What is broken, and what the log must say.
BROKEN = {
    "syntax error": ("def app(:\n", "SyntaxError"),
    "import error": ("import no_such_dependency\n", "no_such_dependency"),
    "raises": ("1 / 0\n", "ZeroDivisionError"),
    "sys.exit": ("import sys\nsys.exit(0)\n", "sys.exit"),
    "os._exit": ("import os\nos._exit(3)\n", "exit code 3"),
    "app missing": ("application = 7\n", "app"),
    "other interface": ("async def app(scope, receive, send): ...\n", "sync"),
}


@pytest.mark.parametrize(("source", "says"), BROKEN.values(), ids=BROKEN)
def test_reload_with_broken_code_keeps_serving(server, source, says):
    one = server("shop:app", "-w", "2", "-k", "sync", files={"shop.py": app_file(WSGI, 1)})
    workers = one.workers()
    with Load(one.address) as load:
        mark = one.log.mark()
        one.write("shop.py", source)
        one.signal(signal.SIGHUP)
        one.wait_line(lines.RELOAD_REJECTED, since=mark)
        one.wait_line(r"generation 1 serves on", since=mark)
        load.wait_answers(20)
        assert workers.items() <= one.workers().items()
        assert says in "\n".join(one.log.lines[mark:])
        # and the next one, mended, goes through
        mark = one.log.mark()
        one.write("shop.py", app_file(WSGI, 2))
        one.signal(signal.SIGHUP)
        reload_done(one, mark)
        assert serves(one, 2)
    assert not load.lost, load


def test_reload_with_a_lifespan_that_fails_keeps_serving(server):
    one = server("lifespan_probe:app", "-w", "2", env={"LIFESPAN_FAILS": "fails-now"})
    workers = one.workers()
    (one.cwd / "fails-now").touch()
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    one.wait_line(lines.RELOAD_REJECTED, since=mark)
    one.wait_line(r"generation 1 serves on", since=mark)
    assert "told to fail" in "\n".join(one.log.lines[mark:])
    assert one.get("/").json()["database"] == "open"
    assert workers.items() <= one.workers().items()
    assert one.wait_line(lines.EXITED, since=mark)["generation"] == "2", "what could not start is gone"


BROKEN_SETTINGS = {
    "broken TOML": ("workers = [\n", "pfork.toml"),
    "unknown key": ("wrokers = 2\n", "wrokers"),
    "bad value": ("workers = 0\n", "at least 1"),
    "missing file": (None, "pfork.toml"),
}


@pytest.mark.parametrize(("toml", "says"), BROKEN_SETTINGS.values(), ids=BROKEN_SETTINGS)
def test_reload_with_broken_settings_keeps_serving(server, toml, says):
    one = server("wsgi_probe:app", "-c", "pfork.toml", files={"pfork.toml": "workers = 2\n"})
    workers = one.workers()
    mark = one.log.mark()
    if toml is None:
        (one.cwd / "pfork.toml").unlink()
    else:
        one.write("pfork.toml", toml)
    one.signal(signal.SIGHUP)
    one.wait_line(lines.RELOAD_REJECTED, since=mark)
    one.wait_line(r"generation 1 serves on", since=mark)
    assert says in "\n".join(one.log.lines[mark:])
    assert one.get("/").text == "hello"
    assert one.workers() == workers
    mark = one.log.mark()
    one.write("pfork.toml", "workers = 1\n")
    one.signal(signal.SIGHUP)
    assert reload_done(one, mark)["workers"] == "1"


def test_reload_with_a_python_file_that_exits_or_hangs_hurts_nobody(server):
    one = server("wsgi_probe:app", "-c", "conf.py", files={"conf.py": "workers = 1\n"})
    mark = one.log.mark()
    one.write("conf.py", "import os\nos._exit(1)\n")
    one.signal(signal.SIGHUP)
    one.wait_line(lines.RELOAD_REJECTED, since=mark)
    assert one.get("/").text == "hello"


def test_reload_takes_new_settings(server):
    toml = "workers = 1\nlimit_request_line = 100\n"
    one = server("wsgi_probe:app", "-k", "sync", "-c", "pfork.toml", files={"pfork.toml": toml})
    long_path = "/number?n=" + "7" * 150
    assert one.get(long_path).status_code == 414
    mark = one.log.mark()
    one.write("pfork.toml", 'workers = 3\nlimit_request_line = 1000\naccesslog = "-"\n')
    one.signal(signal.SIGHUP)
    assert reload_done(one, mark)["workers"] == "3"
    assert len(one.workers()) == 3
    assert one.get(long_path).status_code == 200
    one.out.wait(r"GET /number\?n=777")


def test_reload_can_change_the_kind(server):
    one = server("wsgi_probe:app", "-c", "pfork.toml", files={"pfork.toml": 'worker_class = "sync"\n'})
    one.write("pfork.toml", 'worker_class = "thread"\nthreads = 2\n')
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    reload_done(one, mark)
    assert one.get("/whoami").json()["kind"] == "thread"


def test_reload_listens_on_a_new_address_and_leaves_an_old_one(server, unix_path):
    first, second = unix_path, unix_path + "2"
    one = server("wsgi_probe:app", "-c", "pfork.toml", bind=None, files={"pfork.toml": f'bind = "unix:{first}"\n'})
    assert one.get("/").text == "hello"
    one.write("pfork.toml", f'bind = "unix:{second}"\n')
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    reload_done(one, mark)
    with one.client(second) as client:
        assert client.get("/").text == "hello"
    assert not os.path.exists(first)


def test_reload_to_an_address_that_is_taken_is_rejected(server, unix_path):
    toml = f'bind = "unix:{unix_path}"\n'
    one = server("wsgi_probe:app", "-c", "pfork.toml", bind=None, files={"pfork.toml": toml})
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        one.write("pfork.toml", f'bind = ["unix:{unix_path}", "{taken}"]\n')
        mark = one.log.mark()
        one.signal(signal.SIGHUP)
        one.wait_line(lines.RELOAD_REJECTED, since=mark)
    assert taken in "\n".join(one.log.lines[mark:])
    assert one.get("/").text == "hello"


def test_two_hups_at_once_end_with_the_newest_code(server, gate):
    one = server("shop:app", files={"shop.py": app_file(WSGI, 1)}, env={"GATE": gate.path})
    held = "import gates, os\ngates.hold(os.environ['GATE'], 'importing')\n" + app_file(WSGI, 2)
    one.write("shop.py", held)
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    visit = gate.wait()  # the first reload has read the file
    one.write("shop.py", app_file(WSGI, 3))
    one.signal(signal.SIGHUP)
    visit.let_go()
    one.wait_line(r"reload done: generation 3", since=mark)
    assert serves(one, 3)


def test_term_during_a_reload_stops_both_generations(server, gate):
    one = server("shop:app", files={"shop.py": app_file(WSGI, 1)}, env={"GATE": gate.path})
    one.write("shop.py", "import gates, os\ngates.hold(os.environ['GATE'])\n" + app_file(WSGI, 2))
    one.signal(signal.SIGHUP)
    gate.wait()  # and is never let go
    assert one.stop() == 0


def test_workers_added_by_ttin_stay_over_a_reload(server):
    one = server("wsgi_probe:app", "-w", "1")
    one.signal(signal.SIGTTIN)
    one.wait_line(r"ready: 2 workers, generation 1")
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    assert reload_done(one, mark)["workers"] == "2"


@pytest.mark.slow
def test_reload_whose_app_hangs_is_rejected_after_boot_timeout(server, gate):
    one = server("shop:app", "--boot-timeout", "1", files={"shop.py": app_file(WSGI, 1)}, env={"GATE": gate.path})
    one.write("shop.py", "import gates, os\ngates.hold(os.environ['GATE'])\n")
    mark = one.log.mark()
    one.signal(signal.SIGHUP)
    gate.wait()
    one.wait_line(lines.RELOAD_REJECTED, since=mark)
    assert one.get("/version").text == "1"
