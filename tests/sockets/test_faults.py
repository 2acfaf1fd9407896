"""Why an address cannot be listened on: what people read, and that it is true."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pfork.config import TcpAddress, UnixAddress
from pfork.sockets import faults

from .attempts import Opener, failure

CASES: list[tuple[TcpAddress | UnixAddress, int, str]] = [
    (TcpAddress("0.0.0.0", 80), errno.EACCES, "0.0.0.0:80: port 80 is privileged"),
    (TcpAddress("0.0.0.0", 8000), errno.EACCES, "0.0.0.0:8000: permission denied"),
    (TcpAddress("::1", 8000), errno.EAFNOSUPPORT, "[::1]:8000: this machine has no IPv6"),
    (TcpAddress("0.0.0.0", 8000), errno.ENOMEM, "0.0.0.0:8000: cannot allocate memory"),
    (UnixAddress("/s"), errno.EROFS, "unix:/s: / is on a read-only file system"),
    (UnixAddress("/s"), errno.EACCES, f"unix:/s: user {os.geteuid()} may not create a file in /"),
    (UnixAddress("/s"), errno.ENOSPC, "unix:/s: no space left on device"),
]


@pytest.mark.parametrize(("address", "number", "text"), CASES)
def test_error_says_where_and_what(address: TcpAddress | UnixAddress, number: int, text: str) -> None:
    error = OSError(number, os.strerror(number))
    fault = faults.tcp(address, error) if isinstance(address, TcpAddress) else faults.unix(address, error)
    assert str(fault) == f"cannot listen on {text}"
    assert fault.exit_code == 1


def test_privileged_port_names_the_ways_out() -> None:
    hint = faults.tcp(TcpAddress("0.0.0.0", 80), OSError(errno.EACCES, "")).hint
    for remedy in (">= 1024", "CAP_NET_BIND_SERVICE", "ip_unprivileged_port_start"):
        assert remedy in hint


AS_NOBODY = """
import encodings.idna, os, sys  # what is needed later: that user may not be able to read the library
from pfork.base import BindError
from pfork.config import BindSettings, parse_address
from pfork.sockets import open_all
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for text in sys.argv[1:]:
    try:
        open_all(BindSettings(bind=(parse_address(text),)))
    except BindError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which ports are privileged")
def test_an_ordinary_user_is_told_what_is_missing(tmp_path: Path) -> None:
    first_free = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    addresses = [f"unix:{closed}/s", *([f"127.0.0.1:{first_free - 1}"] if first_free > 1 else [])]
    child = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *addresses],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    assert child.stderr == ""
    lines = child.stdout.splitlines()
    assert lines[0].endswith(f" may not create a file in {closed}")
    if first_free > 1:
        assert lines[1] == f"cannot listen on {addresses[1]}: port {first_free - 1} is privileged"


def test_port_in_use_names_who_holds_it() -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket, sys; s = socket.create_server(('127.0.0.1', 0));"
            "print(s.getsockname()[1], flush=True); sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        text = failure(TcpAddress("127.0.0.1", port))
        assert holder.stdin is not None
        holder.stdin.close()
    assert text.startswith(f"cannot listen on 127.0.0.1:{port}: the port is in use, held by python")
    assert f"(pid {holder.pid})\n" in text


def test_port_in_use_by_this_process_says_so(opened: Opener) -> None:
    (listener,) = opened(TcpAddress("127.0.0.1", 0))
    text = failure(TcpAddress("0.0.0.0", listener.sock.getsockname()[1]))
    assert "the port is in use, held by this process: another address covers it\n" in text


def test_live_unix_socket_is_not_replaced_and_names_who_holds_it(path: str) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
            "print('up', flush=True); sys.stdin.read()",
            path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "up\n"
        text = failure(UnixAddress(path))
        assert holder.stdin is not None
        holder.stdin.close()
    assert text.startswith(f"cannot listen on unix:{path}: the socket is in use, held by python")
    assert f"(pid {holder.pid})\n" in text
    assert os.path.exists(path)


def test_unix_socket_with_a_full_queue_counts_as_live(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(path)
        busy.listen(0)
        first.connect(path)
        assert "the socket is in use" in failure(UnixAddress(path))


def test_datagram_socket_of_somebody_counts_as_live(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(path)
        assert "the socket is in use" in failure(UnixAddress(path))


def test_what_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    os.mkfifo(tmp_path / "pipe")
    kinds = {"file": "file", "directory": "directory", "link": "symbolic link", "pipe": "special file"}
    for name, kind in kinds.items():
        text = failure(UnixAddress(str(tmp_path / name)))
        assert f": the path is a {kind}, not a socket\n" in text
        os.lstat(tmp_path / name)


def test_missing_directory_says_which(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, reason in {
        "none": f"there is no directory {tmp_path}/none",
        "file": f"{tmp_path}/file is not a directory",
    }.items():
        address = UnixAddress(str(tmp_path / name / "s"))
        assert failure(address).startswith(f"cannot listen on {address}: {reason}\n")


def test_too_long_path_says_so(tmp_path: Path) -> None:
    assert "the path is too long (200 bytes;" in failure(UnixAddress("/" + "x" * 199))


def test_address_of_another_machine_says_so() -> None:
    # RFC 5737: never assigned.
    assert "this machine does not have that address\n" in failure(TcpAddress("192.0.2.1", 0))


@pytest.mark.parametrize("name", ["nowhere.invalid", "two..dots", "x" * 64 + ".invalid"])
def test_a_name_that_does_not_resolve_says_so(name: str) -> None:
    # RFC 6761: nothing under "invalid" ever resolves.
    assert f"the name '{name}' cannot be resolved (" in failure(TcpAddress(name, 80))
