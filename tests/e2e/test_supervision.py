"""Workers that die, hang or loop, and workers whose arbiter dies."""

import os
import signal

import pytest

from tests.e2e import lines
from tests.e2e.harness import Server, wait_gone
from tests.e2e.kinds import concurrent_kinds, every_kind
from tests.e2e.load import Load

CRASHES_ON_DEMAND = """
import os, signal
from pathlib import Path

if Path("crash").exists():
    os.kill(os.getpid(), signal.SIGSEGV)
from wsgi_probe import app
"""


@every_kind
def test_killed_worker_is_replaced_at_once(server, args):
    one = server(*args, "-w", "2")
    victim = one.workers()[1]
    mark = one.log.mark()
    os.kill(victim, signal.SIGKILL)
    assert "SIGKILL" in one.wait_line(lines.exited(victim), since=mark)["how"]
    replacement = int(one.wait_line(lines.WORKER_READY, since=mark)["pid"])
    assert replacement in one.workers().values()
    assert len(one.workers()) == 2
    assert not one.log.all(lines.BACKOFF)
    assert one.get("/").text == "hello"


def test_killing_an_idle_worker_loses_no_request_of_the_others(server, gate):
    one = server("wsgi_probe:app", "-w", "2", "-k", "sync")
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        visit = gate.wait()
        idle = next(pid for pid in one.workers().values() if pid != visit.pid)
        os.kill(idle, signal.SIGKILL)
        one.wait_line(lines.exited(idle))
        visit.let_go()
        assert client.answer().body == b"held"


def test_exit_line_of_a_worker_names_the_request_it_died_in(server, gate):
    one = server("wsgi_probe:app", "-w", "1")
    worker = one.workers()[1]
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        gate.wait()
        os.kill(worker, signal.SIGKILL)
        assert client.read_rest() == b""
    assert "GET /hold?" in one.wait_line(lines.exited(worker))["how"]


@pytest.mark.slow
def test_crash_loop_is_slowed_down_and_ends_when_the_cause_is_gone(server):
    one = server("shop:app", "-w", "2", files={"shop.py": CRASHES_ON_DEMAND})
    mark = one.log.mark()
    (one.cwd / "crash").touch()
    for pid in one.workers().values():
        os.kill(pid, signal.SIGKILL)
    # Two deaths are replaced at once; each one after that waits about twice as long as the last: 1 s, 2 s, 4 s.
    slowed = one.wait_line(r"the next one starts in (?:[3-9]|\d\d)\.\d s", since=mark, timeout=60)
    assert slowed
    deaths = len(one.log.all(lines.EXITED, since=mark))
    assert 4 <= deaths <= 7, one.log.text
    (one.cwd / "crash").unlink()
    ready = one.wait_line(lines.WORKER_READY, since=mark, timeout=60)
    assert ready["generation"] == "1"
    assert one.get("/").text == "hello"
    assert one.stop() == 0


def test_import_error_after_a_good_start_does_not_end_the_server(server):
    one = server("shop:app", "-w", "2", files={"shop.py": "from wsgi_probe import app\n"})
    first, second = one.workers().values()
    one.write("shop.py", "1 / 0\n")
    mark = one.log.mark()
    os.kill(first, signal.SIGKILL)
    one.wait_line(lines.BOOT_FAILED, since=mark)
    assert one.get("/whoami").json()["pid"] == second
    assert one.process.poll() is None


@pytest.mark.slow
@every_kind
def test_request_over_its_timeout_is_shown_with_all_stacks_and_its_worker_replaced(server, gate, args):
    one = server(*args, "-w", "1", "--timeout", "1")
    with one.raw() as client:
        client.get(f"/block?{gate.query}")
        visit = gate.wait()
        mark = one.log.mark()
        timeout = one.wait_line(lines.TIMEOUT)
        assert int(timeout["pid"]) == visit.pid
        assert timeout["requests"].startswith("GET /block?")
        one.wait_line(lines.STACKS)
        one.wait_line(r'File ".*gates\.py", line \d+ in hold')
        if "thread" in args:
            assert len(one.log.all(r"^(Current t|T)hread 0x")) >= 4, "every thread's stack is there"
        assert client.read_rest() == b"", "a request that was never answered ends with its connection"
        visit.wait_gone()
    assert int(one.wait_line(lines.EXITED)["pid"]) == visit.pid
    one.wait_line(lines.WORKER_READY, since=mark)
    assert one.get("/whoami").json()["pid"] != visit.pid


@pytest.mark.slow
def test_other_requests_of_a_stuck_thread_worker_are_answered(server, gate):
    one = server("wsgi_probe:app", "-w", "1", "-k", "thread", "--threads", "4", "--timeout", "1")
    with one.raw() as stuck, one.raw() as slow:
        stuck.get(f"/hold?{gate.query}&name=stuck")
        gate.wait()
        slow.get(f"/hold?{gate.query}&name=slow")
        visit = gate.wait()
        one.wait_line(lines.TIMEOUT)
        visit.let_go()
        assert slow.answer().body == b"held"


@pytest.mark.slow
def test_coroutine_that_waits_is_no_timeout_nor_is_anything_with_timeout_zero(server, gate):
    waits = server("asgi_probe:app", "--timeout", "1")
    unlimited = server("wsgi_probe:app", "--timeout", "0")
    clock = server("wsgi_probe:app", "--timeout", "2")  # says when two seconds have gone by
    with waits.raw() as first, unlimited.raw() as second, clock.raw() as third:
        first.get(f"/hold?{gate.query}")
        held = [gate.wait()]
        second.get(f"/hold?{gate.query}")
        held.append(gate.wait())
        third.get(f"/hold?{gate.query}")
        gate.wait()
        clock.wait_line(lines.TIMEOUT)
        for visit in held:
            visit.let_go()
        assert first.answer().body == second.answer().body == b"held"
    assert not waits.log.all(lines.TIMEOUT)
    assert not unlimited.log.all(lines.TIMEOUT)


@every_kind
def test_workers_of_a_killed_arbiter_finish_their_request_and_exit(gate, args):
    with Server(*args, "-w", "2") as one:
        workers = one.workers().values()
        with one.raw() as client:
            client.get(f"/hold?{gate.query}")
            visit = gate.wait()
            one.signal(signal.SIGKILL)
            assert one.process.wait() == -signal.SIGKILL
            visit.let_go()
            assert client.answer().body == b"held"
            assert client.read_rest() == b""
        assert all(wait_gone(pid) for pid in workers)


@pytest.mark.slow
@concurrent_kinds
def test_worker_of_a_killed_arbiter_cuts_what_does_not_finish(gate, args):
    with Server(*args, "--graceful-timeout", "1") as one:
        worker = one.workers()[1]
        with one.raw() as client:
            client.get(f"/hold?{gate.query}")
            gate.wait()
            one.signal(signal.SIGKILL)
            assert client.read_rest() == b""
        assert wait_gone(worker)


def test_idle_workers_of_a_killed_arbiter_exit(server):
    with Server("wsgi_probe:app", "-w", "3") as one:
        workers = one.workers().values()
        one.signal(signal.SIGKILL)
        assert all(wait_gone(pid) for pid in workers)


def test_worker_whose_arbiter_dies_while_it_boots_exits(gate):
    held = "import gates, os\ngates.hold(os.environ['GATE'])\nfrom wsgi_probe import app\n"
    with Server("held:app", files={"held.py": held}, env={"GATE": gate.path}, wait=False) as one:
        visit = gate.wait()
        one.signal(signal.SIGKILL)
        one.process.wait()
        visit.let_go()
        assert wait_gone(visit.pid)


@pytest.mark.slow
@every_kind
def test_idle_worker_is_never_woken(server, gate, args):
    """Each pause of a process is counted by the kernel as a voluntary switch: who does nothing has none.

    How long is "never"? Until the arbiter has seen another worker's request time out, which takes it two seconds.
    """
    if not os.path.exists("/proc/self/status"):
        pytest.skip("needs Linux's /proc")
    one = server(*args, "-w", "2", "--timeout", "2")
    with one.raw() as client:
        client.get(f"/block?{gate.query}")
        stuck = gate.wait().pid
        idle = next(pid for pid in one.workers().values() if pid != stuck)
        one.signal(signal.SIGTTIN)
        one.wait_line(lines.ready_in_slot(3))  # whatever the connection has stirred up is over
        before = switches(idle)
        assert int(one.wait_line(lines.TIMEOUT)["pid"]) == stuck
        assert switches(idle) == before


def switches(pid):
    """The voluntary context switches of all threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as status:
            total += next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))
    return total


@every_kind
def test_load_is_answered_while_workers_are_killed_except_what_was_in_them(server, args):
    one = server(*args, "-w", "3")
    with Load(one.address, kept=0, fresh=4) as load:
        for number in (1, 2, 3):
            mark = one.log.mark()
            os.kill(one.workers()[number], signal.SIGKILL)
            one.wait_line(lines.WORKER_READY, since=mark)
            load.wait_answers(20)
    assert load.refused == 0, load
    assert len(load.lost) <= 3 * 4, load  # at most what each of the four clients had in the three killed workers
