"""What a worker does with several requests at a time, with large ones and with slow readers."""

import os
import select
import socket
import stat

import pytest

from tests.e2e.kinds import KINDS, concurrent_kinds, every_kind, wsgi_kinds

MIB = 2**20


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "large"
    path.write_bytes(os.urandom(MIB) * 20)
    return path


def test_one_async_worker_has_a_hundred_requests_in_progress(server, gate):
    one = server(*KINDS["async"], "-w", "1")
    clients = [one.raw() for _ in range(100)]
    try:
        for client in clients:
            client.get(f"/hold?{gate.query}")
        visits = [gate.wait() for _ in clients]
        for visit in visits:
            visit.let_go()
        assert [client.answer().body for client in clients] == [b"held"] * 100
    finally:
        for client in clients:
            client.close()


def test_one_thread_worker_has_as_many_requests_in_progress_as_threads(server, gate):
    one = server("wsgi_probe:app", "-w", "1", "-k", "thread", "--threads", "3")
    clients = [one.raw() for _ in range(4)]
    try:
        for client in clients:
            client.get(f"/hold?{gate.query}")
        visits = [gate.wait() for _ in range(3)]
        visits[0].let_go()
        gate.wait().let_go()  # the fourth came when a thread was free
        for visit in visits[1:]:
            visit.let_go()
        assert [client.answer().body for client in clients] == [b"held"] * 4
    finally:
        for client in clients:
            client.close()


@every_kind
def test_no_request_waits_for_a_busy_worker_while_another_is_idle(server, gate, args):
    one = server(*args, "-w", "2")
    with one.raw() as client:
        client.get(f"/block?{gate.query}")
        busy = gate.wait()
        if "thread" not in args:  # the other threads of that worker are free, too
            assert {one.get("/whoami").json()["pid"] for _ in range(50)} == set(one.workers().values()) - {busy.pid}
        for number in range(50):
            assert one.get(f"/number?n={number}").text == str(number)
        busy.let_go()
        assert client.answer().body == b"held"


@every_kind
def test_fresh_connections_go_round_the_idle_workers(server, args):
    one = server(*args, "-w", "4")
    seen = {one.get("/whoami").json()["number"] for _ in range(40)}
    assert len(seen) >= 2, seen


@wsgi_kinds
@pytest.mark.parametrize("offset", [0, 1, 19 * MIB, 20 * MIB])
def test_file_of_the_file_wrapper_arrives_whole(shared, large_file, args, offset):
    one = shared(*args)
    expected = large_file.read_bytes()[offset:]
    with one.client() as client:
        for _ in range(2):  # the second over the same connection
            assert client.get(f"/file?path={large_file}&offset={offset}").content == expected
        assert client.head(f"/file?path={large_file}").headers["Content-Length"] == str(20 * MIB)
        assert client.get("/").text == "hello"


@every_kind
def test_client_that_stops_reading_stops_the_app_not_the_others(server, gate, args):
    if "sync" in args:
        pytest.skip("its one request at a time is the endless one")
    one = server(*args, "-w", "1")
    with one.raw() as client:
        client.get(f"/endless?{gate.query}")
        client.read_head()
        last, same = -1, 0
        while same < 100:  # until the app has not got on for a hundred requests of others
            produced = one.get("/progress").json()
            same = same + 1 if produced == last else 0
            last = produced
            assert produced < 128 * MIB, "the server takes more and more"  # it may keep 64 MiB in a file
    assert gate.wait().name == "closed"


def test_asgi_app_that_reads_no_body_stops_its_client(server, gate):
    one = server(*KINDS["async"], "-w", "1")
    with one.raw() as client:
        client.send(
            b"POST /hold?" + gate.query.encode() + b" HTTP/1.1\r\nHost: test\r\nContent-Length: 900000000\r\n\r\n"
        )
        gate.wait()
        sent = 0
        client.sock.setblocking(False)
        while select.select([], [client.sock], [], 0.5)[1]:
            sent += client.sock.send(b"x" * 65536)
            assert sent < 64 * MIB, "the server takes more and more"


@every_kind
def test_large_body_is_echoed_whole(shared, args):
    one = shared(*args)
    body = os.urandom(MIB) * 16
    with one.client() as client:
        assert client.post("/echo", content=body).content == body
        assert (
            client.post("/echo", content=(body[place : place + MIB] for place in range(0, len(body), MIB))).content
            == body
        )


@concurrent_kinds
def test_slow_upload_of_one_client_delays_no_other(shared, args):
    one = shared(*args)
    with one.raw() as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            client.send(b"x")
            assert one.get("/").text == "hello"
        assert client.answer().body == b"x" * 100


def test_inherited_descriptor_is_listened_on(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        one = server("wsgi_probe:app", "-w", "2", bind=[f"fd://{listener.fileno()}"], pass_fds=[listener.fileno()])
    with one.client(address) as client:
        for number in range(20):
            assert client.get(f"/number?n={number}").text == str(number)


def test_umask_sets_the_mode_of_the_unix_socket(server, unix_path):
    server("wsgi_probe:app", "--umask", "007", bind=[f"unix:{unix_path}"])
    assert stat.S_IMODE(os.stat(unix_path).st_mode) == 0o770


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_workers_take_the_group_and_the_arbiter_keeps_its_own(server):
    one = server("wsgi_probe:app", "--group", "65534")
    assert ids(one.workers()[1], "Gid") == {65534}
    assert ids(one.pid, "Gid") == {os.getegid()}
    assert one.get("/").text == "hello"


def ids(pid, which):
    """The real, effective, saved and file-system ids of a process."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith(f"{which}:"))
    return {int(number) for number in line.split()[1:]}
