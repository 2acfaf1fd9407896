"""When a worker takes a connection, and when it keeps one: no request waits for a busy worker while another is idle."""

import contextlib
import os
import resource
import threading
import time
from contextlib import ExitStack

import pytest

from pfork.scoreboard import Scoreboard, State
from tests.workers.harness import GENERATION


def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def pid(environ, start_response):
    text = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


def slow(environ, start_response):
    """Busy for so long that the average of this worker is above the two milliseconds."""
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
    return hello(environ, start_response)


def ask(one):
    """One request over a connection of its own."""
    with one.connect() as client:
        return client.get("/", "Connection: close").answer().body


def test_idle_workers_take_turns(crew, kind):
    """Each gets its share; how soon depends on who else wants the processor. Without turns, the first one gets all."""
    workers = crew(pid, 2, kind=kind)
    answers = {one.pid: 0 for one in workers}
    while min(answers.values()) < 20 and max(answers.values()) < 1000:
        answers[int(ask(workers[0]))] += 1
    assert min(answers.values()) == 20, answers


def test_a_new_connection_goes_to_an_idle_worker(crew, kind, gate):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/hold":
            gate.hold()
        return pid(environ, start_response)

    workers = crew(app, 2, kind=kind)
    with workers[0].connect() as client:
        client.get("/hold")
        gate.wait()
        free = {int(ask(workers[0])) for _ in range(10)}
        gate.let_go()
        busy = int(client.answer().body)
    assert free == {one.pid for one in workers} - {busy}


def test_a_thread_worker_takes_as_many_as_it_has_threads(crew, gate):
    def app(environ, start_response):
        gate.hold()
        return pid(environ, start_response)

    workers = crew(app, 2, kind="thread", processes={"threads": 3})
    with ExitStack() as stack:
        clients = [stack.enter_context(workers[0].connect()) for _ in range(6)]
        for client in clients:
            client.get("/")
        gate.wait(6)
        gate.let_go(6)
        answers = [int(client.answer().body) for client in clients]
    assert [answers.count(one.pid) for one in workers] == [3, 3]


def test_a_full_worker_lets_new_clients_in_while_its_app_is_quick(crew, gate):
    """Else they wait until those that are connected leave a thread free: seconds, under load."""

    def app(environ, start_response):
        gate.hold()
        return hello(environ, start_response)

    (one,) = crew(app, 1, kind="thread", processes={"threads": 1})
    with one.connect() as held, one.connect() as other:
        held.get("/")
        gate.wait()
        other.send(b"BROKEN\r\n\r\n")  # whoever accepts it can answer it, without a thread
        assert other.answer().status == 400
        gate.let_go()
        assert held.answer().body == b"ok"


def test_a_fast_app_keeps_its_connections(crew, kind):
    one, _ = crew(hello, 2, kind=kind, processes={"workers": 2})
    with one.connect() as client:
        for _ in range(5):
            assert not client.get("/").answer().closes


CLOSES = {
    # kind, threads, workers by the settings, a sibling on the scoreboard -> whether a slow app's client has to go
    "several sync workers": ("sync", 1, 2, False, True),
    "one sync worker": ("sync", 1, 1, False, False),
    "one sync worker that has got a sibling": ("sync", 1, 1, True, True),
    "several full thread workers": ("thread", 2, 2, False, True),
    "one full thread worker": ("thread", 2, 1, False, False),
    "one full thread worker that has got a sibling": ("thread", 2, 1, True, True),
    "several thread workers, mostly free": ("thread", 4, 2, False, False),
}


@pytest.mark.parametrize("case", CLOSES)
def test_a_slow_apps_client_is_let_go_where_another_worker_could_be_quicker(worker, case):
    kind, threads, workers, has_sibling, closes = CLOSES[case]
    board = Scoreboard(8, 8)
    if has_sibling:
        board.claim(5, generation=GENERATION, now_ns=time.monotonic_ns())
        board.set_state(5, State.READY)
    one = worker(slow, kind=kind, board=board, processes={"threads": threads, "workers": workers})
    with one.connect() as client:
        assert not client.get("/").answer().closes  # nothing was known of the app yet
        assert client.get("/").answer().closes is closes


def test_a_full_worker_takes_no_more_until_a_connection_ends(worker, kind):
    one = worker(hello, kind=kind, processes={"worker_connections": 2})
    with one.connect() as first, one.connect() as second:
        assert first.get("/").answer().body == b"ok"
        assert second.get("/").answer().body == b"ok"
        with one.connect() as third:
            third.get("/")
            assert first.get("/").answer().body == b"ok"
            assert one.view.connections == 2
            second.close()
            assert third.answer().body == b"ok"
            assert one.view.connections == 2


def test_connections_are_counted(worker, kind):
    one = worker(hello, kind=kind)
    with one.connect() as first, one.connect() as second:
        first.get("/").answer()
        second.get("/").answer()
        assert one.view.connections == 2
    ask(one)
    assert ask(one) == b"ok"  # when it is answered, the ends of the ones before have been read
    assert one.view.connections <= 1


def few_descriptors():
    """Leave a worker with few: it needs some itself, so about ten are for clients."""
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    for fd in range(used):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # no gaps
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, used + 20))


WARNING = "cannot accept a connection: Too many open files"


def test_idle_connections_make_room_when_descriptors_run_out(worker, kind):
    one = worker(hello, kind=kind, in_child=few_descriptors)
    with ExitStack() as stack:
        for _ in range(60):
            client = stack.enter_context(one.connect())
            assert client.get("/").answer().body == b"ok"
    assert one.log.count(WARNING) == 1
    assert "raise the limit of open files (ulimit -n) or lower worker_connections" in one.log


def test_a_worker_without_descriptors_goes_on_when_a_connection_ends(worker, kind):
    one = worker(hello, kind=kind, in_child=few_descriptors)
    with ExitStack() as stack:
        unfinished = [stack.enter_context(one.connect()) for _ in range(30)]
        for client in unfinished:
            client.send(b"GET / HTTP/1.1\r\n")
        late = stack.enter_context(one.connect())
        late.get("/")
        one.wait_log(WARNING)
        for client in unfinished:  # they are in the worker, or before it in the queue
            client.close()
        assert late.answer().body == b"ok"
    assert one.log.count(WARNING) == 1


@pytest.mark.slow
def test_a_worker_without_descriptors_and_without_connections_tries_again(worker, gate):
    """There is no connection whose end it could wait for: somebody else in its process has to give some back."""

    def hoard():
        taken = []
        gate.hold()
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(1))
        gate.hold()
        for fd in taken:
            os.close(fd)

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/hoard":
            threading.Thread(target=hoard, daemon=True).start()
        return hello(environ, start_response)

    one = worker(app, kind="sync", in_child=few_descriptors)
    with one.connect() as client:
        client.get("/hoard", "Connection: close").answer()
        assert client.read_rest() == b""
    gate.wait()
    gate.let_go()
    gate.wait()
    with one.connect() as client:
        client.get("/")
        one.wait_log(WARNING)
        gate.let_go()
        assert client.answer().body == b"ok"
