"""The gate: who was let in is served, who comes later is refused before it has sent anything."""

import errno
import select
import socket

import pytest

from pfork.config import BindSettings, parse_address
from pfork.sockets import open_all

PATIENCE_S = 30


def listen(address):
    (listener,) = open_all(BindSettings(bind=(parse_address(address),)))
    return listener


def connect(listener):
    return socket.create_connection(listener.sock.getsockname()[:2], timeout=PATIENCE_S)


def accept(listener):
    assert select.select([listener], [], [], PATIENCE_S)[0]
    sock, _ = listener.accept()
    sock.settimeout(PATIENCE_S)
    return sock


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0"])
def test_who_was_let_in_is_served_even_if_its_request_comes_later(address):
    listener = listen(address)
    early, late = connect(listener), connect(listener)
    early.sendall(b"early")
    assert listener.gate() is True
    late.sendall(b"late")
    served = {}
    for _ in range(2):
        server = accept(listener)
        data = server.recv(100)
        served[data] = server
        server.sendall(data)
    assert set(served) == {b"early", b"late"}
    listener.close(unlink=True)
    for client, text in ((early, b"early"), (late, b"late")):
        assert client.recv(100) == text
        client.sendall(b"more")  # what a gate lets through, it lets through for good
        assert served[text].recv(100) == b"more"
        client.close()
        served[text].close()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0"])
def test_who_comes_after_the_gate_is_refused_once_the_listener_is_closed(address):
    listener = listen(address)
    listener.gate()
    client = socket.socket(listener.sock.family)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.connect(listener.sock.getsockname()[:2])
    assert listener.accept() is None
    listener.close(unlink=True)
    assert select.select([], [client], [], PATIENCE_S)[1]
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
    client.close()


def test_a_unix_socket_is_gated_by_taking_away_its_file(tmp_path):
    path = tmp_path / "sock"
    listener = listen(f"unix:{path}")
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    assert listener.gate() is False
    assert not path.exists()
    sock, _ = listener.accept()
    path.write_text("somebody else's")
    listener.close(unlink=True)
    assert path.read_text() == "somebody else's"
    sock.close()
    client.close()


def test_an_adopted_socket_is_left_as_it_is_for_whoever_else_holds_it():
    sock = socket.create_server(("127.0.0.1", 0))
    listener = listen(f"fd://{sock.fileno()}")
    sock.detach()
    assert listener.gate() is False
    connect(listener).close()
    listener.close(unlink=True)
