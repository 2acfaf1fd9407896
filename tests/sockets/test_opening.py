"""Listeners, opened for real."""

from __future__ import annotations

import errno
import os
import resource
import select
import socket
import stat
import sys
from pathlib import Path

import pytest

from pfork.config import BindSettings, FdAddress, TcpAddress, UnixAddress
from pfork.sockets import ConnectionInfo, Listener, open_all

from .attempts import Opener, failure

ANY_PORT = TcpAddress("127.0.0.1", 0)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has TCP_DEFER_ACCEPT")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_readable(listener: Listener) -> None:
    """Until there is a connection to accept."""
    assert select.select([listener], [], [], 30)[0], "no connection came"


def connect(listener: Listener, host: str = "") -> socket.socket:
    """A client that has sent one byte, so that its connection can be accepted."""
    name = listener.sock.getsockname()
    client = socket.socket(socket.AF_INET if "." in host else listener.sock.family)
    client.connect((host, name[1]) if host else name)
    client.sendall(b"x")
    wait_readable(listener)
    return client


# What a listener is and gives.


def test_tcp_connection_has_both_addresses(opened: Opener) -> None:
    (listener,) = opened(ANY_PORT)
    port = listener.sock.getsockname()[1]
    with connect(listener) as client:
        accepted = listener.accept()
        assert accepted is not None
        connection, info = accepted
        with connection:
            assert info == ConnectionInfo("http", ("127.0.0.1", port), client.getsockname())
            assert connection.recv(10) == b"x"
    assert str(listener) == f"http://127.0.0.1:{port}"
    assert not listener.is_unix


def test_unix_connection_has_a_path_and_no_client(opened: Opener, path: str) -> None:
    (listener,) = opened(UnixAddress(path))
    with connect(listener):
        accepted = listener.accept()
        assert accepted is not None
        with accepted[0]:
            assert accepted[1] == ConnectionInfo("http", (path, None), None)
    assert str(listener) == f"unix:{path}"
    assert listener.is_unix


def test_connection_is_non_blocking_without_delay_and_closed_on_exec(opened: Opener) -> None:
    (listener,) = opened(ANY_PORT)
    with connect(listener):
        accepted = listener.accept()
        assert accepted is not None
        with accepted[0] as connection:
            assert not connection.getblocking()
            assert not connection.get_inheritable()
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_listener_is_non_blocking_and_closed_on_exec(opened: Opener, path: str) -> None:
    for listener in opened(ANY_PORT, UnixAddress(path)):
        assert not listener.sock.getblocking()
        assert not listener.sock.get_inheritable()


def test_nothing_to_accept_gives_none(opened: Opener, path: str) -> None:
    for listener in opened(ANY_PORT, UnixAddress(path)):
        assert listener.accept() is None


def test_no_descriptor_left_raises_and_keeps_the_connection_queued(opened: Opener) -> None:
    (listener,) = opened(ANY_PORT)
    with connect(listener):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            with pytest.raises(OSError) as caught:
                listener.accept()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert caught.value.errno == errno.EMFILE
        accepted = listener.accept()
        assert accepted is not None
        accepted[0].close()


@linux_only
def test_a_silent_client_is_not_accepted(opened: Opener) -> None:
    (listener,) = opened(ANY_PORT)
    with socket.create_connection(listener.sock.getsockname()), connect(listener) as speaker:
        accepted = listener.accept()
        assert accepted is not None
        with accepted[0]:
            assert accepted[1].client == speaker.getsockname()
        assert listener.accept() is None


def test_a_name_is_one_listener_on_ipv4(opened: Opener) -> None:
    (listener,) = opened(TcpAddress("localhost", 0))
    assert listener.sock.getsockname()[0] == "127.0.0.1"
    assert listener.address == TcpAddress("localhost", 0)


def test_an_address_given_twice_is_one_listener(opened: Opener, path: str) -> None:
    assert len(opened(UnixAddress(path), UnixAddress(path))) == 1


@needs_ipv6
def test_ipv6_listener(opened: Opener) -> None:
    (listener,) = opened(TcpAddress("::1", 0))
    port = listener.sock.getsockname()[1]
    assert str(listener) == f"http://[::1]:{port}"
    with connect(listener) as client:
        accepted = listener.accept()
        assert accepted is not None
        with accepted[0]:
            assert accepted[1] == ConnectionInfo("http", ("::1", port), client.getsockname()[:2])


@needs_ipv6
def test_ipv6_wildcard_takes_ipv4_clients_under_their_ipv4_address(opened: Opener) -> None:
    (listener,) = opened(TcpAddress("::", 0))
    with connect(listener, "127.0.0.1") as client:
        accepted = listener.accept()
        assert accepted is not None
        with accepted[0]:
            assert accepted[1].client == client.getsockname()


@needs_ipv6
def test_both_wildcards_of_one_port_can_be_given(opened: Opener) -> None:
    port = free_port()
    listeners = opened(TcpAddress("::", port), TcpAddress("0.0.0.0", port))
    assert [str(one) for one in listeners] == [f"http://[::]:{port}", f"http://0.0.0.0:{port}"]


# Unix socket files.


@pytest.mark.parametrize("umask", [0o000, 0o007, 0o077])
def test_unix_socket_has_the_mode_that_the_mask_leaves(opened: Opener, path: str, umask: int) -> None:
    before = os.umask(0o022)
    try:
        opened(UnixAddress(path), umask=umask)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o777 & ~umask
        assert os.umask(0o022) == 0o022  # as it was
    finally:
        os.umask(before)


def test_mask_is_restored_when_the_bind_fails(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        failure(UnixAddress(str(tmp_path / "none" / "s")))
        assert os.umask(before) == 0o027
    finally:
        os.umask(before)


def test_a_stale_socket_file_is_replaced(opened: Opener, path: str) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(path)
        gone.listen()
    (listener,) = opened(UnixAddress(path))
    connect(listener).close()


def test_close_removes_its_own_socket_file(opened: Opener, path: str) -> None:
    (listener,) = opened(UnixAddress(path))
    listener.close(unlink=True)
    assert not os.path.exists(path)


def test_close_without_unlink_leaves_the_file(opened: Opener, path: str) -> None:
    (listener,) = opened(UnixAddress(path))
    listener.close(unlink=False)
    assert os.path.exists(path)


def test_close_leaves_a_file_that_somebody_else_put_there(opened: Opener, path: str) -> None:
    (listener,) = opened(UnixAddress(path))
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        listener.close(unlink=True)
        assert os.path.exists(path)


def test_close_with_the_file_gone_is_no_error(opened: Opener, path: str) -> None:
    (listener,) = opened(UnixAddress(path))
    os.unlink(path)
    listener.close(unlink=True)


def test_a_relative_path_is_removed_from_another_directory(opened: Opener, tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        (listener,) = opened(UnixAddress("s"))
    finally:
        os.chdir(here)
    listener.close(unlink=True)
    assert not (tmp_path / "s").exists()


# All or none.


def test_one_bad_address_closes_the_good_ones_and_names_every_bad_one(path: str) -> None:
    port = free_port()
    text = failure(UnixAddress(path), TcpAddress("127.0.0.1", port), FdAddress(901), FdAddress(902))
    assert "fd://901" in text
    assert "fd://902" in text
    assert not os.path.exists(path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_a_reload_opens_only_what_is_new(opened: Opener, path: str) -> None:
    old = UnixAddress(path)
    opened(old)
    new = UnixAddress(f"{path}2")
    (listener,) = open_all(BindSettings(bind=(old, new)), only=[new])
    assert listener.address == new
    listener.close(unlink=True)
    assert open_all(BindSettings(bind=(old,)), only=[]) == ()


# Descriptors that were passed down.


def test_passed_descriptor_is_adopted(opened: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.set_inheritable(True)
        port = made.getsockname()[1]
        (listener,) = opened(FdAddress(made.detach()))
    assert str(listener) == f"http://127.0.0.1:{port}"
    assert not listener.sock.getblocking()
    assert not listener.sock.get_inheritable()
    with connect(listener) as client:
        accepted = listener.accept()
        assert accepted is not None
        with accepted[0] as connection:
            assert accepted[1].client == client.getsockname()
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_passed_unix_socket_keeps_its_file(opened: Opener, path: str) -> None:
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.listen()
    (listener,) = opened(FdAddress(made.detach()))
    assert str(listener) == f"unix:{path}"
    listener.close(unlink=True)
    assert os.path.exists(path)


@linux_only
def test_passed_abstract_socket_is_named_with_an_at_sign(opened: Opener) -> None:
    made = socket.socket(socket.AF_UNIX)
    name = f"pfork-test-{os.getpid()}"
    made.bind(b"\0" + name.encode())
    made.listen()
    (listener,) = opened(FdAddress(made.detach()))
    assert str(listener) == f"unix:@{name}"


@linux_only
def test_a_deferral_that_the_socket_manager_chose_stays(opened: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
        chosen = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)
        (listener,) = opened(FdAddress(made.detach()))
    assert listener.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT) == chosen


def test_a_descriptor_that_cannot_be_used_says_why_and_stays_open() -> None:
    with (
        socket.socket() as idle,
        socket.socket(type=socket.SOCK_DGRAM) as datagram,
        open(os.devnull, "rb") as file,
    ):
        cases = {
            idle.fileno(): "a socket that does not listen",
            datagram.fileno(): "a datagram socket",
            file.fileno(): "not a socket",
        }
        for fd, reason in cases.items():
            text = failure(FdAddress(fd))
            assert text.startswith(f"cannot listen on fd://{fd}: descriptor {fd} is {reason}\n")
            os.fstat(fd)
