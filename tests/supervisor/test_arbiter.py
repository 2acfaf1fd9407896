"""The arbiter with real processes and no socket: boots, stops, reloads, deaths."""

import os
import signal

import pytest

from tests.supervisor.server import Server


@pytest.fixture
def start(tmp_path):
    servers = []

    def start(**settings):
        server = Server(tmp_path, **settings)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


def test_it_starts_its_workers_and_stops_when_told(start):
    server = start(workers=3)
    server.wait_line(r"ready: 3 workers, generation 1")
    server.send("SIGTERM")
    server.wait_line(r"stopping: SIGTERM, graceful, at most 30 s")
    server.wait_line(r"gated")
    server.wait_line(r"sockets closed")
    assert server.wait_exit() == 0
    assert server.log.count("exited: exit code 0") == 3
    assert server.log.endswith("stopped\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT"])
def test_a_quick_stop_does_not_wait_for_a_drain(start, name):
    server = start(workers=1, word="never drains")
    server.wait_line("ready: 1 worker")
    server.send("SIGTERM")
    server.wait_line("stopping: SIGTERM")
    server.send(name)
    server.wait_line(f"stopping: {name}, at once now")
    assert server.wait_exit() == 0


def test_a_worker_that_outlives_the_graceful_timeout_is_cut_and_named(start):
    server = start(workers=1, word="never drains", graceful_timeout=0.2)
    server.wait_line("ready: 1 worker")
    server.send("SIGTERM")
    server.wait_line(r"worker=1 gen=1 pid=\d+ cut: graceful_timeout is over")
    server.wait_line(r"exited: killed by SIGKILL .*; graceful_timeout is over")
    assert server.wait_exit() == 0


@pytest.mark.parametrize(
    ("word", "code", "text"),
    [
        ("cannot start", 3, "Traceback: no module named x"),
        ("no app", 4, "module x has no app"),
        ("crash while starting", 3, "ended while it started: killed by SIGSEGV"),
    ],
)
def test_a_first_boot_that_fails_says_why_once_and_leaves_nobody(start, word, code, text):
    server = start(workers=3, word=word)
    assert server.wait_exit() == code
    assert server.log.count(f"giving up, exit code {code}") == 1
    assert server.log.count(text) == 1 or word == "crash while starting"


def test_a_boot_that_hangs_shows_where(start):
    server = start(workers=1, word="hang while starting", boot_timeout=0.2)
    server.wait_line(r"worker=1 gen=1 pid=\d+ boot_timeout: not ready after 0.2 s")
    server.wait_line(r'File ".*tests/supervisor/server.py", line \d+ in worker_main')
    assert server.wait_exit() == 3


def test_a_boot_that_ends_on_its_own_after_its_time_is_a_failed_boot_all_the_same(start):
    server = start(workers=1, word="start slowly, once the stacks are asked for", boot_timeout=0.2)
    server.wait_line("boot_timeout: not ready after 0.2 s")
    server.wait_line("stacks:")
    assert server.wait_exit() == 3


def test_a_killed_worker_is_replaced_at_once(start):
    server = start(workers=2)
    pid = int(server.wait_line(r"worker=1 gen=1 pid=(\d+) ready").group(1))
    server.wait_line("ready: 2 workers")
    os.kill(pid, signal.SIGKILL)
    server.wait_line(rf"worker=1 gen=1 pid={pid} exited: killed by SIGKILL")
    server.wait_line(r"worker=1 gen=1 pid=(\d+) ready")
    assert "die young" not in server.log


def test_workers_that_die_young_again_and_again_are_replaced_ever_later(start):
    server = start(workers=1)
    for _ in range(2):
        os.kill(int(server.wait_line(r"worker=1 gen=1 pid=(\d+) ready").group(1)), signal.SIGKILL)
    server.wait_line(r"workers die young: the next one starts in [01]\.\d s")
    server.wait_line(r"worker=1 gen=1 pid=\d+ ready")


def test_scaling_up_and_down(start):
    server = start(workers=1)
    server.wait_line("ready: 1 worker")
    server.send("SIGTTIN")
    server.wait_line("workers wanted: 2")
    server.wait_line("ready: 2 workers, generation 1")
    server.send("SIGTTOU")
    server.wait_line("worker=1 .* exited: exit code 0")
    server.send("SIGTTOU")
    server.wait_line("workers wanted: 1")


def test_a_reload_replaces_all_workers_and_commits(start):
    server = start(workers=2)
    server.wait_line("ready: 2 workers, generation 1")
    server.configure(workers=3)
    server.send("SIGHUP")
    server.wait_line("reload: checking")
    server.wait_line("reload: generation 2 is ready, generation 1 drains")
    server.wait_line("committed")
    server.wait_line("reload done: generation 2, 3 workers")


def test_what_ttin_has_set_survives_a_reload_that_does_not_change_the_setting(start):
    server = start(workers=1)
    server.wait_line("ready: 1 worker")
    server.send("SIGTTIN")
    server.wait_line("ready: 2 workers")
    server.send("SIGHUP")
    server.wait_line("reload done: generation 2, 2 workers")


REJECTED = {
    "broken settings": ("{", "Expecting property name"),
    "an address in use": ('{"word": "busy address"}', "127.0.0.1:80 is in use"),
    "an app that cannot start": ('{"word": "cannot start"}', "no module named x"),
    "an app that crashes while it starts": ('{"word": "crash while starting"}', "killed by SIGSEGV"),
    "an app that hangs while it starts": (
        '{"word": "hang while starting", "boot_timeout": 0.2}',
        "boot_timeout: not ready",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_rejected_reload_leaves_the_old_generation_as_it_was(start, name):
    settings, reason = REJECTED[name]
    server = start(workers=2)
    pids = {server.wait_line(r"pid=(\d+) ready").group(1) for _ in range(2)}
    server.path.write_text(settings)
    server.send("SIGHUP")
    server.wait_line(f"reload rejected: .*{reason}.*; generation 1 serves on")
    server.configure(workers=2)
    server.send("SIGHUP")
    server.wait_line("reload done")
    server.send("SIGTERM")
    assert server.wait_exit() == 0
    for pid in pids:
        assert server.log.count(f"pid={pid} exited: exit code 0") == 1


def test_a_stop_does_not_wait_for_a_reload(start):
    server = start(workers=1)
    server.wait_line("ready: 1 worker")
    server.configure(workers=1, word="hang while starting")
    server.send("SIGHUP")
    server.wait_line("reload: checking")
    server.send("SIGTERM")
    server.wait_line("reload rejected: the server stops; generation 1 serves on")
    assert server.wait_exit() == 0


def test_a_configuration_that_hangs_while_it_is_checked_does_not_hold_up_a_stop(start):
    server = start(workers=1)
    server.wait_line("ready: 1 worker")
    server.path.write_text("hang")
    server.send("SIGHUP")
    server.wait_line("reload: checking")
    server.send("SIGTERM")
    server.wait_line("reload rejected: the server stops")
    assert server.wait_exit() == 0


def test_many_hups_are_at_most_two_reloads(start):
    server = start(workers=1)
    server.wait_line("ready: 1 worker")
    for _ in range(100):
        server.send("SIGHUP")
    server.wait_line("reload done")
    server.send("SIGTERM")
    assert server.wait_exit() == 0
    assert server.log.count("reload: checking") <= 2


def test_a_deaf_worker_is_killed_in_the_end(start):
    server = start(workers=1, word="deaf", graceful_timeout=0.2)
    server.wait_line("ready: 1 worker")
    server.send("SIGTERM")
    assert server.wait_exit() == 0
    assert "killed by SIGKILL" in server.log


def test_workers_hear_that_their_arbiter_is_gone(start):
    server = start(workers=2)
    server.wait_line("ready: 2 workers")
    server.send("SIGKILL")
    server.wait_exit()  # reads until the last process that holds the log has ended
    assert server.status.signal == signal.SIGKILL
