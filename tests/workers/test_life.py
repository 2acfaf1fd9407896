"""The life of a worker, from the fork to its exit code."""

import os
import pwd
import signal
from pathlib import Path

import pytest

from pfork.base import AppTargetError, Exit, KindError
from pfork.config import AppSettings, BindSettings, ProcessSettings, parse_address
from pfork.control import BootFailed, ReopenLogs, RetirementAsked, WorkerReady
from pfork.scoreboard import State
from pfork.sockets import open_all
from pfork.workers import check_app
from tests.workers.harness import DUMP_SIGNAL, GENERATION

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
NOBODY = pwd.getpwnam("nobody")


def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def whoami(environ, start_response):
    info = environ["pfork.worker"]
    text = f"{info.number} {info.generation} {info.kind} {info.pid} {info.requests} {info.started > 1e9}".encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


async def asgi(scope, receive, send): ...


def environment(environ, start_response):
    text = f"{os.getcwd()} {os.environ.get('COLOUR')} {os.getuid()}:{os.getgid()} {os.getgroups()}".encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


def title(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ").decode()


@pytest.mark.parametrize("kind", ["sync", "thread"])
def test_a_worker_says_ready_serves_and_drains(worker, kind):
    one = worker(hello, kind=kind, wait=False)
    assert one.report() == WorkerReady(kind, "wsgi")
    one.board.set_state(0, State.READY)
    assert one.view.kind == kind
    with one.connect() as client:
        assert client.get("/").answer().body == b"hello"
    one.drain()
    assert one.wait() == Exit.OK
    assert one.report() is None


def test_the_title_names_number_generation_and_app(worker):
    one = worker(hello)
    assert title(one.pid) == f"pfork: worker 1 gen {GENERATION} [app_of_the_test:app]"


def test_the_title_takes_proc_name(worker):
    one = worker(hello, slot=2, processes={"proc_name": "shop"})
    assert title(one.pid) == f"pfork: worker 3 gen {GENERATION} [shop]"


@pytest.mark.parametrize(("kind", "threads"), [("sync", 1), ("thread", 2)])
def test_an_app_can_ask_who_serves_it(worker, kind, threads):
    one = worker(whoami, kind=kind, slot=1, processes={"threads": threads})
    with one.connect() as client:
        expected = f"2 {GENERATION} {kind} {one.pid} 0 True"
        assert client.get("/").answer().body.decode() == expected


FAILURES = {
    "a missing module": (
        {"app": "no_such_module_here:app"},
        "import",
        Exit.BOOT,
        "no module named 'no_such_module_here'",
    ),
    "a missing attribute": ({"app": "json:app"}, "import", Exit.APP, "has no attribute 'app'"),
    "an app that is none": ({"app": "json:decoder"}, "import", Exit.APP, "'json:decoder' is a module, not a callable"),
    "a broken target": ({"app": "json:"}, "import", Exit.APP, "'' is neither a name nor a call"),
    "a kind that does not fit": ({"app": hello, "kind": "async"}, "import", Exit.CONFIG, "use -k sync or -k thread"),
    "an interface that does not fit": ({"app": asgi, "kind": "sync"}, "import", Exit.CONFIG, "use -k async"),
    "a missing directory": (
        {"app": hello, "settings": {"chdir": "/no/such/directory"}},
        "environment",
        Exit.CONFIG,
        "chdir = /no/such/directory: No such file or directory",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failed_boot_is_reported_with_its_step_and_exit_code(worker, case):
    options, step, code, text = FAILURES[case]
    one = worker(wait=False, **options)
    report = one.report()
    assert isinstance(report, BootFailed)
    assert (report.step, report.exit_code) == (step, code)
    assert text in report.text
    assert one.report() is None
    assert one.wait() == code


def test_a_worker_runs_in_the_apps_directory_with_its_variables(worker, tmp_path):
    one = worker(environment, settings={"chdir": str(tmp_path), "raw_env": ("COLOUR=red=ish",)})
    with one.connect() as client:
        assert client.get("/").answer().body.decode().startswith(f"{tmp_path} red=ish ")


def test_the_apps_directory_and_pythonpath_can_be_imported_from(worker, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "library_of_the_test.py").write_text("word = b'from the library'\n")
    (tmp_path / "app_in_directory.py").write_text(
        "from library_of_the_test import word\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', str(len(word)))])\n"
        "    return [word]\n"
    )
    one = worker("app_in_directory:app", settings={"chdir": str(tmp_path), "pythonpath": ("lib",)})
    with one.connect() as client:
        assert client.get("/").answer().body == b"from the library"


BECOME = {
    "a user": ({"user": "nobody"}, (NOBODY.pw_uid, NOBODY.pw_gid)),
    "a number": ({"user": "54321"}, (54321, 0)),
    "a user and a group": ({"user": "nobody", "group": "daemon"}, (NOBODY.pw_uid, 1)),
    "a group": ({"group": "1"}, (0, 1)),
    "oneself": ({"user": "root", "group": "0"}, (0, 0)),
}


@ROOT
@pytest.mark.parametrize("case", BECOME)
def test_a_worker_becomes_who_it_is_told_to(worker, case):
    processes, (uid, gid) = BECOME[case]
    one = worker(environment, processes=processes, settings={"chdir": "/"})
    with one.connect() as client:
        text = client.get("/").answer().body.decode()
    assert text.startswith(f"/ None {uid}:{gid} ")
    if gid:
        assert "[0" not in text  # root's own groups are gone


@ROOT
def test_becoming_somebody_else_takes_root(worker):
    one = worker(hello, in_child=lambda: os.setuid(NOBODY.pw_uid), processes={"user": "daemon"}, wait=False)
    report = one.report()
    assert (report.step, report.exit_code) == ("privileges", Exit.CONFIG)
    assert report.text == (
        "user = daemon: Operation not permitted\n  only root may become somebody else: start as root"
    )


@pytest.mark.parametrize(
    "name", ["SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTTIN", "SIGTTOU"]
)
def test_a_signal_that_is_the_arbiters_business_changes_nothing(worker, kind, name):
    one = worker(hello, kind=kind)
    with one.connect() as client:
        one.signal(getattr(signal, name))
        assert client.get("/").answer().body == b"hello"


def test_a_worker_told_to_terminate_asks_to_be_replaced_and_serves_on(worker, kind):
    one = worker(hello, kind=kind)
    one.signal(signal.SIGTERM)
    assert one.report() == RetirementAsked("SIGTERM")
    with one.connect() as client:
        assert client.get("/").answer().body == b"hello"
    one.signal(signal.SIGTERM)
    assert one.report() == RetirementAsked("SIGTERM")


def test_an_orphan_told_to_terminate_has_drained_already(worker, kind):
    one = worker(hello, kind=kind)
    one.signal(signal.SIGSTOP)
    one.signal(signal.SIGTERM)
    one.hang_up()
    one.signal(signal.SIGCONT)
    assert one.wait() == Exit.OK


def test_a_worker_whose_arbiter_is_gone_before_it_is_ready_does_not_serve(worker, gate):
    one = worker(hello, wait=False, in_child=gate.hold)
    gate.wait()
    one.hang_up()
    gate.let_go()
    assert one.wait() == Exit.ORPHAN


def test_a_worker_told_to_quit_before_it_is_ready_does_not_serve(worker, gate):
    one = worker(hello, wait=False, in_child=gate.hold)
    gate.wait()
    one.quit()
    gate.let_go()
    assert one.report() is None
    assert one.wait() == Exit.OK


def test_the_dump_signal_writes_the_stacks_of_all_threads(worker, gate):
    def app(environ, start_response):
        gate.hold()
        return hello(environ, start_response)

    one = worker(app, kind="thread", processes={"threads": 2})
    with one.connect() as client:
        client.get("/")
        gate.wait()
        one.signal(DUMP_SIGNAL)
        # Its main thread writes them before it takes up another request.
        with one.connect() as other:
            other.get("/")
            gate.wait()
            gate.let_go(2)
            assert other.answer().body == b"hello"
        assert client.answer().body == b"hello"
    assert one.stacks.count("most recent call first") == 3
    assert "in hold" in one.stacks


def test_log_files_are_reopened_when_the_arbiter_says_so(worker, tmp_path):
    path = tmp_path / "access.log"
    one = worker(hello, logs={"accesslog": str(path), "access_log_format": "%(r)s"})
    with one.connect() as client:
        client.get("/before").answer()
        path.rename(tmp_path / "rotated.log")
        one.order(ReopenLogs())
        one.signal(signal.SIGTERM)  # its report comes after the order was obeyed
        assert one.report() == RetirementAsked("SIGTERM")
        client.get("/after").answer()
    one.drain()
    assert one.wait() == Exit.OK
    assert (tmp_path / "rotated.log").read_text() == "GET /before HTTP/1.1\n"
    assert path.read_text() == "GET /after HTTP/1.1\n"


def test_a_message_that_is_none_is_ignored(worker):
    one = worker(hello)
    one.channel.send(b"what an app may write to every descriptor it finds")
    with one.connect() as client:
        assert client.get("/").answer().body == b"hello"
    one.drain()
    assert one.wait() == Exit.OK


def test_a_worker_that_cannot_listen_reports_it(worker):
    listeners = open_all(BindSettings(bind=(parse_address("127.0.0.1:0"),)))

    def lose_it():
        with open(os.devnull) as other:
            os.dup2(other.fileno(), listeners[0].fileno())

    one = worker(hello, kind="sync", wait=False, listeners=listeners, in_child=lose_it)
    listeners[0].close(unlink=False)
    report = one.report()
    assert (report.step, report.exit_code) == ("start", Exit.BOOT)
    assert report.text.startswith("Traceback (most recent call last):")
    assert "PermissionError" in report.text
    assert one.wait() == Exit.BOOT


def test_a_worker_whose_descriptors_an_app_has_closed_says_so_and_ends(worker):
    def app(environ, start_response):
        for name in os.listdir("/proc/self/fd"):
            try:
                if "eventpoll" in os.readlink(f"/proc/self/fd/{name}"):
                    os.close(int(name))
            except FileNotFoundError:
                pass
        return hello(environ, start_response)

    one = worker(app, kind="sync")
    with one.connect() as client:
        client.get("/")
        assert one.wait() == 1
    assert "[CRITICAL] worker=1" in one.log
    assert "the worker failed" in one.log


def test_an_app_can_be_checked_without_serving_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "app_to_check.py").write_text("def app(environ, start_response): ...\n")
    check_app(AppSettings(wsgi_app="app_to_check:app"), ProcessSettings())
    with pytest.raises(KindError):
        check_app(AppSettings(wsgi_app="app_to_check:app"), ProcessSettings(worker_class="async"))
    with pytest.raises(AppTargetError, match="no attribute 'ap'"):
        check_app(AppSettings(wsgi_app="app_to_check:ap"), ProcessSettings())
    with pytest.raises(AppTargetError, match="no app"):
        check_app(AppSettings(), ProcessSettings())
