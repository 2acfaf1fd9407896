"""Header lines met before: they mean what they meant, whatever stands beside them now."""

import pytest

from pfork.http1 import FieldCache, ProtocolError
from pfork.http1.fields import FieldError

from .corpus import INVALID, VALID
from .reading import LIMITS, ListReader, read


def list_field(name, value):
    return name.lower(), value


def test_a_line_is_made_once():
    made = []

    def make(name, value):
        made.append(name)
        return name, value

    cache = FieldCache(make)
    for _ in range(3):
        assert cache.read([b"Host: a", b"X-A:  1", b"Host: a"])[0] == [(b"Host", b"a"), (b"X-A", b"1"), (b"Host", b"a")]
    assert made == [b"Host", b"X-A"]


def test_only_the_lines_that_concern_http1_are_given_apart():
    cache = FieldCache(list_field)
    for _ in range(2):
        fields, framing = cache.read([b"X-A: 1", b"HOST: a", b"Content-length: 3", b"Host: a"])
        assert len(fields) == 4
        assert framing == ((b"host", b"a"), (b"content-length", b"3"), (b"host", b"a"))


@pytest.mark.parametrize("line", [b"", b" folded", b"no colon", b"A : b", b"A: \x00", b"A: b\rC: d", b"A: b\nC: d"])
def test_a_malformed_line_is_refused_each_time_and_not_remembered(line):
    cache = FieldCache(list_field)
    cache.read([b"Host: a", b"B: c"])
    for _ in range(2):
        with pytest.raises(FieldError):
            cache.read([b"Host: a", line])
        with pytest.raises(FieldError):
            cache.read([line, b"B: c"])
    assert set(cache.known) == {b"Host: a", b"B: c"}


def test_lines_that_clients_make_up_fill_the_memory_only_to_its_bound():
    cache = FieldCache(list_field)
    for number in range(5000):
        line = b"Connection: x%d" % number
        assert cache.read([line, b"Host: a"])[0] == [(b"connection", b"x%d" % number), (b"host", b"a")]
        assert len(cache.framing) <= len(cache.known) <= 1024
    many = [b"X-A: %d" % number for number in range(3000)]
    assert len(cache.read(many)[0]) == 3000
    assert len(cache.known) <= 1024


def test_a_long_line_is_not_kept():
    cache = FieldCache(list_field)
    line = b"Cookie: " + b"a" * 300
    for _ in range(2):
        assert cache.read([line]) == ([(b"cookie", b"a" * 300)], ())
    assert not cache.known


@pytest.fixture(scope="module")
def experienced():
    """A memory that has seen every line of the corpus, the good heads and the bad."""
    cache = FieldCache(list_field)
    for case in (*VALID, *INVALID):
        for line in case.raw.split(b"\r\n"):
            try:
                cache.read([line])
            except FieldError:
                pass
    return cache


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case.name)
def test_a_bad_head_stays_bad_when_its_lines_are_known(case, experienced):
    reader = ListReader(LIMITS, experienced)
    with pytest.raises(ProtocolError) as caught:
        reader.receive(case.raw)
        while True:
            reader.receive_body()
            if not reader.body_done:
                raise AssertionError("accepted")
            reader.next_request()
    assert caught.value.status == case.status


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
def test_a_good_head_means_the_same_when_its_lines_are_known(case, experienced):
    reader = ListReader(LIMITS, experienced)
    assert reader.receive(case.raw)
    first = read([case.raw])[0]
    assert tuple(reader.headers) == first.headers
    assert (reader.keep_alive, reader.upgrade) == (first.keep_alive, first.upgrade)
