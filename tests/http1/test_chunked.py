"""The chunked coding, in whatever pieces it comes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfork.http1 import ProtocolError, Response

from .cases import chunked
from .reading import ListReader, cut, read

repeatable = settings(derandomize=True, database=None, deadline=None, max_examples=200)

bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
cuts = st.lists(st.integers(0, 400), max_size=12)
extensions = st.sampled_from([b"", b";", b";a", b";a=b", b';a="b c"', b";a=b;c=d", b"; a = b"])
trailers = st.lists(st.sampled_from([b"X: 1", b"Y-Sum: abc", b"Z:"]), max_size=3)


def decode(wire, places):
    (request,) = read(cut(chunked(wire), *(place + 60 for place in places)))
    return request.body


@repeatable
@given(bodies, st.data(), cuts)
def test_a_body_survives_any_chunks_in_any_pieces(chunks, data, places):
    wire = b""
    for chunk in chunks:
        size = data.draw(st.sampled_from([b"%x", b"%X", b"000%x"])) % len(chunk)
        wire += size + data.draw(extensions) + b"\r\n" + chunk + b"\r\n"
    wire += b"0" + data.draw(extensions) + b"\r\n"
    wire += b"".join(line + b"\r\n" for line in data.draw(trailers)) + b"\r\n"
    assert decode(wire, places) == b"".join(chunks)


@repeatable
@given(bodies, cuts)
def test_a_response_in_chunks_is_read_by_a_reader(chunks, places):
    response = Response(method="GET", http11=True, keep_alive=True)
    response.start(b"200 OK", [])
    wire = b"".join(map(response.body, chunks)) + response.end()
    assert decode(wire, places) == b"".join(chunks)


@repeatable
@given(st.binary(max_size=60), cuts)
def test_anything_is_decoded_or_refused(wire, places):
    try:
        whole = read([chunked(wire)])
    except ProtocolError:
        whole = None
    try:
        pieces = read(cut(chunked(wire), *(place + 60 for place in places)))
    except ProtocolError:
        pieces = None
    assert whole == pieces


def test_a_piece_of_a_chunk_is_given_at_once():
    reader = ListReader()
    reader.receive(chunked(b"5\r\nhe"))
    assert reader.receive_body() == b"he"
    assert reader.receive_body(b"l") == b"l"
    assert reader.receive_body(b"lo\r") == b"lo"
    assert reader.receive_body(b"\n0\r\n\r") == b""
    assert not reader.body_done
    assert reader.receive_body(b"\n") == b""
    assert reader.body_done


@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_behind_the_last_chunk_belongs_to_the_next_request(size):
    raw = chunked(b"1\r\na\r\n0\r\n\r\n")
    assert [request.body for request in read([raw * size])] == [b"a"] * size
