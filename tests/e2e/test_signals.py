"""The signals of the arbiter, one by one; HUP has a file of its own."""

import os
import signal

import pytest

from tests.e2e import lines
from tests.e2e.kinds import concurrent_kinds, every_kind
from tests.e2e.load import Load


def order_to_stop(one):
    """Send TERM and wait until each worker has its order: only then does the arbiter hear a further signal."""
    one.signal(signal.SIGTERM)
    one.wait_line(lines.STOPPING)
    one.signal(signal.SIGUSR1)
    one.wait_line(lines.IGNORED)


@every_kind
def test_term_lets_the_request_in_progress_finish(server, gate, args):
    one = server(*args)
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        visit = gate.wait()
        order_to_stop(one)
        visit.let_go()
        answer = client.answer()
        assert (answer.status, answer.body, answer.closes) == (200, b"held", True)
        assert client.read_rest() == b""
    assert one.wait_exit() == 0
    one.wait_line(lines.STOPPED)


@every_kind
def test_term_lets_a_streamed_response_finish(server, gate, args):
    one = server(*args)
    with one.raw() as client:
        client.get(f"/hold-midway?{gate.query}")
        visit = gate.wait()
        order_to_stop(one)
        visit.let_go()
        assert client.answer().body == b"first\nsecond\n"
    assert one.wait_exit() == 0


@every_kind
def test_term_answers_what_waits_in_the_backlog(server, gate, args):
    one = server(*args, "-w", "1")
    with one.raw() as first, one.raw() as second:
        first.get(f"/block?{gate.query}")  # the sync worker and the event loop are blocked by this one
        visit = gate.wait()
        second.get("/number?n=2")
        order_to_stop(one)
        visit.let_go()
        assert first.answer().body == b"held"
        assert second.answer().body == b"2"
    assert one.wait_exit() == 0


@concurrent_kinds
def test_term_refuses_new_connections_while_it_drains(server, gate, args):
    one = server(*args)
    with one.raw() as busy, one.raw() as idle:
        assert idle.get("/").answer().body == b"hello"
        busy.get(f"/hold?{gate.query}")
        visit = gate.wait()
        one.signal(signal.SIGTERM)
        assert idle.read_rest() == b"", "an idle connection is closed without a word"
        with pytest.raises(ConnectionRefusedError):
            one.raw()
        visit.let_go()
        assert busy.answer().closes
    assert one.wait_exit() == 0


@every_kind
def test_term_answers_a_kept_connection_once_more_and_says_close(server, gate, args):
    one = server(*args)
    with one.raw() as client:
        assert not client.get("/").answer().closes
        client.send(b"GET /number?n=5 HTTP/1.1\r\n")  # crosses the stop on its way
        order_to_stop(one)
        answer = client.send(b"Host: test\r\n\r\n").answer()
        assert (answer.body, answer.closes) == (b"5", True)
        assert client.read_rest() == b""
    assert one.wait_exit() == 0


@pytest.mark.parametrize("family", ["tcp", "ipv6", "unix"])
@every_kind
def test_term_under_load_loses_no_request(server, unix_path, args, family):
    bind = {"tcp": "127.0.0.1:0", "ipv6": "[::1]:0", "unix": f"unix:{unix_path}"}[family]
    one = server(*args, "-w", "2", bind=[bind])
    with Load(one.address, kept=2, fresh=4) as load:
        load.wait_answers(100)
        assert one.stop() == 0
    assert not load.lost, load
    assert load.refused == 6, load  # each client found nobody at its end


@pytest.mark.slow
@every_kind
def test_graceful_timeout_ends_what_does_not_finish(server, gate, args):
    one = server(*args, "--graceful-timeout", "1")
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        gate.wait()
        assert one.stop() == 0
        assert b"200 OK" not in client.read_rest()
    assert "/hold?" in one.wait_line(lines.CUT)["requests"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["INT", "QUIT"])
@every_kind
def test_int_and_quit_cut_what_is_in_progress(server, gate, args, number):
    one = server(*args, "--graceful-timeout", "3600")
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        gate.wait()
        assert one.stop(number) == 0
        assert client.read_rest() == b""


def test_int_after_term_stops_at_once(server, gate):
    one = server("wsgi_probe:app", "--graceful-timeout", "3600")
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        gate.wait()
        order_to_stop(one)
        assert one.stop(signal.SIGINT) == 0


def test_term_runs_the_lifespan_shutdown_after_the_last_request(server):
    one = server("lifespan_probe:app")
    assert one.get("/").json() == {"database": "open", "requests": 1}
    assert "lifespan: shut down" not in one.log.text
    assert one.stop() == 0
    one.wait_line("lifespan: shut down")


def test_a_lifespan_that_fails_at_shutdown_is_told_and_the_stop_is_a_stop(server):
    one = server("lifespan_probe:fails_late")
    assert one.stop() == 0
    one.wait_line("the database did not close")


def test_requests_do_not_share_changes_of_the_lifespan_state(server):
    one = server("lifespan_probe:app")
    with one.client() as client:
        answers = [client.get("/").json() for _ in range(3)]
    assert answers == [{"database": "open", "requests": 1}] * 3


def test_term_removes_the_unix_socket_and_the_pidfile(server, unix_path):
    one = server("wsgi_probe:app", "--pid", "run.pid", bind=[f"unix:{unix_path}"])
    pidfile = one.cwd / "run.pid"
    assert pidfile.read_text().strip() == str(one.pid)
    assert one.stop() == 0
    assert not os.path.exists(unix_path)
    assert not pidfile.exists()


def test_ttin_adds_a_worker_and_ttou_takes_it_away(server):
    one = server("wsgi_probe:app", "-w", "1")
    one.signal(signal.SIGTTIN)
    one.wait_line(r"ready: 2 workers, generation 1")
    assert sorted(one.workers()) == [1, 2]
    mark = one.log.mark()
    one.signal(signal.SIGTTOU)
    one.wait_line(lines.EXITED, since=mark)
    assert len(one.workers()) == 1
    assert one.get("/").text == "hello"


def test_ttou_never_takes_the_last_worker(server):
    one = server("wsgi_probe:app", "-w", "1")
    one.signal(signal.SIGTTOU)
    assert one.wait_line(lines.WORKERS_WANTED)["workers"] == "1"
    assert one.get("/").text == "hello"
    assert not one.log.all(lines.EXITED)


def test_ttou_lets_the_worker_finish_its_request(server, gate):
    one = server("wsgi_probe:app", "-w", "2")
    with one.raw() as first, one.raw() as second:
        for client in (first, second):
            client.get(f"/hold?{gate.query}")
        visits = [gate.wait(), gate.wait()]
        one.signal(signal.SIGTTOU)
        one.wait_line(lines.WORKERS_WANTED)
        for visit in visits:
            visit.let_go()
        assert [client.answer().body for client in (first, second)] == [b"held", b"held"]
    one.wait_line(lines.EXITED)
    assert one.get("/").text == "hello"


@every_kind
def test_usr1_reopens_rotated_logs(server, gate, unix_path, args):
    target, *options = args
    module = target.partition(":")[0]
    told = f"import os, gates\nfrom {module} import app\ngates.tell(os.environ['GATE'], 'imported')\n"
    logs = ("--access-logfile", "access.log", "--error-logfile", "error.log")
    files, env = {"told.py": told}, {"GATE": gate.path}
    one = server("told:app", *options, *logs, bind=[f"unix:{unix_path}"], files=files, env=env, wait=False)
    gate.wait()  # its log is a file, so the app tells that the server listens
    error, access = one.cwd / "error.log", one.cwd / "access.log"
    with one.client(unix_path) as client:
        client.get("/number?n=before")
        os.rename(error, one.cwd / "error.1")
        os.rename(access, one.cwd / "access.1")
        one.signal(signal.SIGUSR1)
        for _ in range(10_000):  # the worker follows a moment after the arbiter
            client.get("/number?n=after")
            if access.exists() and "n=after" in access.read_text():
                break
    assert one.stop() == 0
    assert "n=before" in (one.cwd / "access.1").read_text()
    assert "n=before" not in access.read_text()
    assert "n=after" in access.read_text()
    assert "listening" in (one.cwd / "error.1").read_text()
    assert "stopped" in error.read_text()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH])
def test_a_worker_takes_no_harm_from_the_arbiters_signals(server, number):
    one = server("wsgi_probe:app")
    worker = one.workers()[1]
    os.kill(worker, number)
    for _ in range(3):
        assert one.get("/whoami").json()["pid"] == worker


@every_kind
def test_scaling_under_load_loses_no_request(server, args):
    one = server(*args, "-w", "2")
    with Load(one.address) as load:
        for number, wanted in ((signal.SIGTTIN, 3), (signal.SIGTTOU, 2), (signal.SIGTTOU, 1), (signal.SIGTTIN, 2)):
            load.wait_answers(30)
            mark = one.log.mark()
            one.signal(number)
            one.wait_line(rf"ready: {wanted} workers?, generation 1", since=mark)
        load.wait_answers(30)
    assert not load.lost, load
    assert load.refused == 0, load


def test_term_to_a_worker_replaces_it_without_losing_a_request(server, gate):
    one = server("wsgi_probe:app", "-w", "1")
    worker = one.workers()[1]
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        visit = gate.wait()
        os.kill(worker, signal.SIGTERM)
        visit.let_go()
        assert client.answer().body == b"held"
    one.wait_line(lines.exited(worker))
    assert one.get("/whoami").json()["pid"] != worker
