"""Addresses: how they are written, and what is no address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfork.config import AddressError, FdAddress, TcpAddress, UnixAddress, parse_address

ADDRESSES = {
    "127.0.0.1:8000": TcpAddress("127.0.0.1", 8000),
    "localhost:80": TcpAddress("localhost", 80),
    "localhost": TcpAddress("localhost", 8000),
    ":9000": TcpAddress("0.0.0.0", 9000),
    "127.0.0.1:0": TcpAddress("127.0.0.1", 0),
    "[::1]:8080": TcpAddress("::1", 8080),
    "[::]": TcpAddress("::", 8000),
    "tcp://10.0.0.1:81": TcpAddress("10.0.0.1", 81),
    "tcp://[::1]:81": TcpAddress("::1", 81),
    " 127.0.0.1:8000 ": TcpAddress("127.0.0.1", 8000),
    "unix:/run/pfork.sock": UnixAddress("/run/pfork.sock"),
    "unix:///run/pfork.sock": UnixAddress("/run/pfork.sock"),
    "unix:pfork.sock": UnixAddress("pfork.sock"),
    "UNIX:/run/pfork.sock": UnixAddress("/run/pfork.sock"),
    "unix:/" + "x" * 106: UnixAddress("/" + "x" * 106),
    "fd://3": FdAddress(3),
}

HOST = "must begin with a host, like 127.0.0.1:8000, or 0.0.0.0:8000 for every interface"
PORT = "must end in a port from 0 to 65535, like 127.0.0.1:8000"

NO_ADDRESSES = {
    "": "must be HOST:PORT, like 127.0.0.1:8000",
    "tcp://": "must be HOST:PORT, like 127.0.0.1:8000",
    "8000": "must be HOST:PORT; did you mean :8000?",
    "localhost:": PORT,
    "localhost:http": PORT,
    "localhost:65536": PORT,
    "localhost:-1": PORT,
    "localhost:8o00": PORT,
    "localhost:\u0664\u0665": PORT,
    "localhost:99999999999999999999": PORT,
    "*:8000": HOST,
    "local host:8000": HOST,
    "/run/pfork.sock": HOST,
    "http://127.0.0.1:8000": "must be HOST:PORT, without http://",
    "udp://127.0.0.1:8000": "must be HOST:PORT, unix:PATH or fd://N",
    "::1": "must have an IPv6 host in brackets, like [::1]:8000",
    "::1:8000": "must have an IPv6 host in brackets, like [::1]:8000",
    "[::1": "must be an IPv6 host in brackets and a port, like [::1]:8000",
    "[::1]8000": "must be an IPv6 host in brackets and a port, like [::1]:8000",
    "[localhost]:8000": "must be an IPv6 host in brackets and a port, like [::1]:8000",
    "[::1]:": PORT,
    "unix:": "must name a path, like unix:/run/pfork.sock",
    "unix://": "must name a path, like unix:/run/pfork.sock",
    "unix:/a\0b": "must not hold a NUL",
    "unix:/" + "x" * 107: "must be a path of at most 107 bytes; choose a shorter directory",
    "unix:/" + "\u00e9" * 54: "must be a path of at most 107 bytes; choose a shorter directory",
    "fd://": "must name a descriptor number, like fd://3",
    "fd://x": "must name a descriptor number, like fd://3",
    "fd://-1": "must name a descriptor number, like fd://3",
}


@pytest.mark.parametrize(("text", "address"), ADDRESSES.items())
def test_an_address_is_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(("text", "rule"), NO_ADDRESSES.items())
def test_what_is_no_address_is_told_the_rule(text, rule):
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert str(caught.value) == rule


def test_an_address_is_written_as_people_write_it():
    assert str(TcpAddress("127.0.0.1", 8000)) == "127.0.0.1:8000"
    assert str(TcpAddress("::1", 8000)) == "[::1]:8000"
    assert str(UnixAddress("/run/pfork.sock")) == "unix:/run/pfork.sock"
    assert str(FdAddress(3)) == "fd://3"


paths = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1, max_size=26).filter(
    lambda path: path == path.strip()
)


@given(
    st.one_of(
        st.builds(TcpAddress, st.sampled_from(["localhost", "127.0.0.1", "::1"]), st.integers(0, 65535)),
        st.builds(UnixAddress, paths),
        st.builds(FdAddress, st.integers(0, 10**6)),
    )
)
def test_a_written_address_is_read_back(address):
    assert parse_address(str(address)) == address
