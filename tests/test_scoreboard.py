"""The scoreboard, across real forks."""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pfork.scoreboard import NO_LANE, InFlight, Scoreboard, SlotWriter, State

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="memory files are a Linux thing")


@contextmanager
def child_doing(work: Callable[[], object]) -> Iterator[None]:
    """A forked child that has done ``work`` and stays alive until the block ends."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            ours.close()
            work()
            theirs.send(b"done")
            theirs.recv(1)  # until the parent has looked
            code = 0
        finally:
            os._exit(code)
    with ours:
        theirs.close()
        try:
            ours.settimeout(30)
            assert ours.recv(4) == b"done", "the child failed"
            yield
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            _, status = os.waitpid(pid, 0)
    assert status == 0


def scribble(board: Scoreboard, byte: int) -> None:
    """Fill the whole mapping, as a wild pointer of an app's C extension might."""
    size = len(board._mapping)
    board._mapping[:] = bytes([byte]) * size


def ready_board(workers: int, *, generation: int = 1) -> tuple[Scoreboard, list[SlotWriter]]:
    board = Scoreboard(slots=8, lanes=2)
    for slot in range(workers):
        board.claim(slot, generation=generation, now_ns=1)
        board.set_state(slot, State.READY)
    return board, [board.writer(slot) for slot in range(workers)]


def test_a_fresh_slot_is_free_and_empty() -> None:
    view = Scoreboard(slots=2, lanes=2).read(1)
    assert (view.slot, view.state, view.pid, view.kind, view.in_flight) == (1, State.FREE, 0, "", ())


def test_arbiter_reads_what_a_worker_writes() -> None:
    board = Scoreboard(slots=4, lanes=4)
    board.claim(2, generation=7, now_ns=1_000)
    board.set_pid(2, 4242)
    board.set_state(2, State.READY)

    def work() -> None:
        writer = board.writer(2)
        writer.set_kind("thread")
        writer.beat(5_000)
        writer.set_connections(3)
        writer.end(writer.begin(2_000, "GET", b"/first"))
        writer.begin(4_000, "POST", b"/late")
        writer.begin(3_000, "GET", b"/early?x=1")

    with child_doing(work):
        view = board.read(2)
    assert view.state is State.READY
    assert (view.generation, view.pid, view.started_ns) == (7, 4242, 1_000)
    assert (view.kind, view.beat_ns, view.connections) == ("thread", 5_000, 3)
    assert (view.requests, view.active) == (1, 2)
    assert view.in_flight == (InFlight(1, 3_000, "GET /early?x=1"), InFlight(0, 4_000, "POST /late"))


def test_two_workers_write_their_own_slots() -> None:
    board = Scoreboard(slots=2, lanes=2)
    for slot in (0, 1):
        board.claim(slot, generation=1, now_ns=1)
    one, two = board.writer(0), board.writer(1)
    with (
        child_doing(lambda: one.begin(10, "GET", b"/one")),
        child_doing(lambda: two.begin(20, "GET", b"/two")),
    ):
        lines = [board.read(slot).in_flight[0].request_line for slot in (0, 1)]
    assert lines == ["GET /one", "GET /two"]


def test_what_a_dead_worker_was_doing_can_still_be_read() -> None:
    board, (writer,) = ready_board(1)
    with child_doing(lambda: writer.begin(10, "GET", b"/crash")):
        pass
    assert board.read(0).in_flight == (InFlight(0, 10, "GET /crash"),)


def test_claim_wipes_what_the_last_worker_left() -> None:
    board, (writer,) = ready_board(1)
    writer.set_kind("sync")
    writer.begin(10, "GET", b"/")
    board.order_drain(0)
    board.claim(0, generation=2, now_ns=99)
    view = board.read(0)
    assert (view.state, view.generation, view.started_ns) == (State.STARTING, 2, 99)
    assert (view.pid, view.requests, view.active, view.kind, view.in_flight) == (0, 0, 0, "", ())
    assert not board.writer(0).is_draining()


def test_worker_sees_the_order_to_drain() -> None:
    board, (writer,) = ready_board(1)
    assert not writer.is_draining()
    board.order_drain(0)

    def work() -> None:
        assert writer.is_draining()

    with child_doing(work):
        pass


def test_a_request_without_a_lane_is_counted_all_the_same() -> None:
    board, (writer,) = ready_board(1)
    lanes = [writer.begin(now, "GET", b"/") for now in (1, 2, 3)]
    assert lanes == [0, 1, NO_LANE]
    assert (board.read(0).active, len(board.read(0).in_flight)) == (3, 2)
    for lane in lanes:
        writer.end(lane)
    assert (writer.active, writer.requests) == (0, 3)
    assert board.read(0).in_flight == ()
    assert writer.begin(4, "GET", b"/") != NO_LANE


TEXTS = [
    ("GET", b"/" + b"x" * 5_000, "GET /" + "x" * 243),
    ("GET", b"/caf\xc3\xa9", "GET /caf\u00e9"),
    ("GET", b"/\xff", "GET /\ufffd"),
    ("OPTIONS", b"*", "OPTIONS *"),
    ("GET", b"", "GET "),
]


@pytest.mark.parametrize(("method", "target", "shown"), TEXTS)
def test_request_line_is_cut_and_always_decodes(method: str, target: bytes, shown: str) -> None:
    board, (writer,) = ready_board(1)
    writer.begin(1, method, target)
    assert board.read(0).in_flight[0].request_line == shown


def test_a_shorter_request_line_leaves_nothing_of_the_longer_one_before() -> None:
    board, (writer,) = ready_board(1)
    writer.end(writer.begin(1, "DELETE", b"/a/long/target"))
    writer.begin(2, "GET", b"/")
    assert [request.request_line for request in board.read(0).in_flight] == ["GET /"]


@pytest.mark.parametrize("byte", [0x01, 0x7F, 0xFF])
def test_reading_garbage_gives_defined_values(byte: int) -> None:
    board, _ = ready_board(2)
    with child_doing(lambda: scribble(board, byte)):
        views = [board.read(slot) for slot in range(board.slots)]
    for view in views:
        assert view.state is State.DYING
        assert view.kind == ""
        assert [len(request.request_line) <= 248 for request in view.in_flight] == [True, True]


def test_worker_and_arbiter_go_on_after_garbage() -> None:
    board, (writer, _) = ready_board(2)
    lane = writer.begin(1, "GET", b"/")
    scribble(board, 0xFF)
    assert writer.has_idle_sibling() is False
    assert writer.is_draining() is True
    writer.end(lane)
    assert (writer.active, writer.requests, board.read(0).requests) == (0, 1, 1)
    board.release(1)
    board.claim(1, generation=3, now_ns=5)
    assert (board.read(1).state, board.read(1).in_flight) == (State.STARTING, ())


# Another slot's state, generation and active requests; and whether it makes a sibling that could take over.
SIBLINGS = [
    (State.READY, 1, 0, True),
    (State.READY, 1, 1, False),
    (State.READY, 2, 0, False),
    (State.STARTING, 1, 0, False),
    (State.DRAINING, 1, 0, False),
    (State.DYING, 1, 0, False),
]


@pytest.mark.parametrize(("state", "generation", "active", "idle"), SIBLINGS)
def test_idle_sibling_is_ready_of_the_same_load_and_without_a_request(
    state: State, generation: int, active: int, idle: bool
) -> None:
    board, (writer,) = ready_board(1)
    board.claim(5, generation=generation, now_ns=1)
    board.set_state(5, state)
    sibling = board.writer(5)
    for _ in range(active):
        sibling.begin(1, "GET", b"/")
    assert writer.has_idle_sibling() is idle


def test_a_worker_is_not_its_own_sibling() -> None:
    _, (writer,) = ready_board(1)
    assert writer.has_idle_sibling() is False


def test_released_slots_are_not_looked_at_any_more() -> None:
    board, writers = ready_board(8)
    assert board._words[4] == 8
    for slot in (3, 7, 6, 5):
        board.release(slot)
    assert board._words[4] == 5  # slot 3 is free, 4 is not
    assert writers[0].has_idle_sibling()
    for slot in (4, 2, 1):
        board.release(slot)
    assert board._words[4] == 1
    assert not writers[0].has_idle_sibling()


def test_threads_of_a_worker_lose_no_count() -> None:
    board, _ = ready_board(1)
    writer = board.writer(0, is_shared=True)

    def work() -> None:
        for _ in range(2_000):
            writer.end(writer.begin(1, "GET", b"/"))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    view = board.read(0)
    assert (view.requests, view.active, view.in_flight) == (8_000, 0, ())
    assert sorted(writer._free) == [0, 1]


@pytest.mark.parametrize("slot", [-1, 2])
def test_a_slot_that_is_not_there_is_an_error(slot: int) -> None:
    with pytest.raises(IndexError, match="slots 0 to 1"):
        Scoreboard(slots=2, lanes=1).read(slot)


def test_an_unknown_kind_is_an_error() -> None:
    _, (writer,) = ready_board(1)
    with pytest.raises(ValueError):
        writer.set_kind("gevent")


@linux_only
def test_memory_cannot_be_cut_under_the_readers() -> None:
    board = Scoreboard(slots=2, lanes=2)
    fds = [fd for fd in map(int, os.listdir("/proc/self/fd")) if "pfork-scoreboard" in _target(fd)]
    assert fds
    for fd in fds:
        for size in (0, len(board._mapping) * 2):
            with pytest.raises(PermissionError):
                os.ftruncate(fd, size)
        assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


@linux_only
def test_unused_slots_and_lanes_take_no_memory() -> None:
    board = Scoreboard(slots=1024, lanes=256)
    for slot in range(4):
        board.claim(slot, generation=1, now_ns=1)
        board.writer(slot).begin(1, "GET", b"/")
    for slot in range(4):
        board.read(slot)
    fd = next(fd for fd in map(int, os.listdir("/proc/self/fd")) if "pfork-scoreboard" in _target(fd))
    used = os.stat(f"/proc/self/fd/{fd}").st_blocks * 512
    assert len(board._mapping) > 64 * 2**20
    assert used <= 32 * mmap.PAGESIZE


def _target(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
