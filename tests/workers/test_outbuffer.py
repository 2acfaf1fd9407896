"""What a client has not taken yet: order, bounds, and where it is kept."""

import errno
import os
import resource
import socket

import pytest

from pfork.workers.outbuffer import MEMORY, MOST, FileShrunkError, FileSlice, OutBuffer
from pfork.workers.spill import MEMORY_BODY, BodyStore, open_unnamed


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def files():
    """The open files without a name."""
    names = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:
            continue
    return [name for name in names if name.endswith(" (deleted)") and "/pfork-" in name]


def drain(buffer, pair):
    """All that comes out."""
    ours, theirs = pair
    theirs.setblocking(False)
    got = bytearray()
    while buffer:
        buffer.send(ours)
        try:
            while piece := theirs.recv(1 << 20):
                got += piece
        except BlockingIOError:
            pass
    return bytes(got)


def pattern(size, seed=0):
    return bytes((seed + number) % 251 for number in range(4093)) * (size // 4093 + 1)


PIECES = {
    "one": [5],
    "many small ones": [3] * 300,
    "more than memory takes": [300_000] * 10,
    "one that memory does not take": [MEMORY + 1],
    "memory, file, and small ones behind": [MEMORY - 10, 20, 5, 5, 100_000],
}


@pytest.mark.parametrize("case", PIECES)
def test_what_is_put_comes_out_in_order(pair, case):
    buffer = OutBuffer()
    data = [pattern(size, seed)[:size] for seed, size in enumerate(PIECES[case])]
    for piece in data:
        buffer.put(piece)
    assert drain(buffer, pair) == b"".join(data)
    assert not buffer


def test_a_file_takes_what_memory_does_not_and_is_gone_when_it_is_sent(pair):
    buffer = OutBuffer()
    buffer.put(b"x" * MEMORY)
    assert files() == []
    buffer.put(b"y")
    assert len(files()) == 1
    assert drain(buffer, pair) == b"x" * MEMORY + b"y"
    assert files() == []


def test_an_emptied_buffer_begins_anew_in_memory(pair):
    buffer = OutBuffer()
    buffer.put(b"x" * (MEMORY + 1))
    drain(buffer, pair)
    buffer.put(b"x")
    assert files() == []
    buffer.close()


def test_a_dropped_buffer_leaves_nothing_behind():
    buffer = OutBuffer()
    buffer.put(b"x" * (MEMORY + 1))
    buffer.close()
    assert files() == []
    assert not buffer


def test_a_buffer_is_full_until_it_is_empty(pair):
    buffer = OutBuffer()
    piece = b"x" * (1 << 20)
    for _ in range(MOST // len(piece) + 1):
        assert not buffer.is_full
        buffer.put(piece)
    buffer.put(piece)
    assert buffer.is_full
    ours, _theirs = pair
    buffer.send(ours)
    assert buffer.is_full
    assert len(drain(buffer, pair)) + len(piece) > MOST
    assert not buffer.is_full


def test_parts_of_files_come_in_their_place(pair, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    buffer = OutBuffer()
    buffer.put(b"before ")
    buffer.put_file(FileSlice(os.open(path, os.O_RDONLY), 2, 5, is_owned=True))
    buffer.put(b" after")
    assert drain(buffer, pair) == b"before 23456 after"


def test_a_file_that_has_shrunk_is_noticed(pair, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    buffer = OutBuffer()
    buffer.put_file(FileSlice(os.open(path, os.O_RDONLY), 2, 50, is_owned=True))
    with pytest.raises(FileShrunkError):
        buffer.send(pair[0])
    buffer.close()


def test_a_file_that_cannot_be_sent_by_the_system_is_read(pair):
    """sendfile(2) does not read from /proc's files."""
    fd = os.open("/proc/self/status", os.O_RDONLY)
    expected = os.pread(fd, 20, 3)
    part = FileSlice(fd, 3, 20, is_owned=True)
    part.send(pair[0])
    part.close()
    assert pair[1].recv(100) == expected


def test_a_client_that_is_gone_is_an_error(pair):
    buffer = OutBuffer()
    buffer.put(b"x")
    pair[1].close()
    with pytest.raises(OSError):
        buffer.send(pair[0])
    buffer.close()


@pytest.fixture
def full_disk():
    """No file may grow beyond 100 kB."""
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_makes_the_app_wait_and_loses_nothing(pair, full_disk):
    buffer = OutBuffer()
    data = [pattern(MEMORY)[:MEMORY], pattern(200_000, 1)[:200_000], b"the end"]
    buffer.put(data[0])
    buffer.put(data[1])
    assert buffer.is_full
    buffer.put(data[2])
    assert drain(buffer, pair) == b"".join(data)


BODIES = [0, 1, MEMORY_BODY, MEMORY_BODY + 1, 300_000]


@pytest.mark.parametrize("size", BODIES)
def test_a_body_is_read_back_from_its_begin(size):
    store = BodyStore()
    data = pattern(size)[:size]
    assert store.is_empty
    for start in range(0, size, 10_000):
        store.write(data[start : start + 10_000])
    assert store.is_empty == (size == 0)
    assert len(files()) == (size > MEMORY_BODY)
    with store.finish() as file:
        assert file.read() == data
        assert file.seek(0) == 0
        assert file.readline() == data.partition(b"\n")[0] + b"\n" * (b"\n" in data)
    assert files() == []


def test_a_body_that_the_disk_does_not_take_is_an_error(full_disk):
    store = BodyStore()
    with pytest.raises(OSError) as caught:
        for _ in range(30):
            store.write(b"x" * 10_000)
        store.finish()
    assert caught.value.errno == errno.EFBIG
    store.close()
    assert files() == []


def test_temporary_files_go_where_they_can(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    fd = open_unnamed()
    assert os.readlink(f"/proc/self/fd/{fd}").startswith(f"{tmp_path}/pfork-")
    os.close(fd)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    os.close(open_unnamed())
