"""Properties of reading, over generated requests: cuts, pipelines, garbage, and what another reader makes of them."""

from dataclasses import dataclass, replace

import h11
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pfork.http1 import ProtocolError

from .cases import Parsed, head
from .corpus import INVALID, VALID
from .reading import bytewise, cut, read

repeatable = settings(derandomize=True, database=None, deadline=None, max_examples=300)


@dataclass
class Request:
    raw: bytes
    parsed: Parsed


TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
names = st.text(TOKEN, min_size=1, max_size=12).map(lambda name: b"x-" + name.encode())
values = st.binary(max_size=20).map(lambda raw: bytes(byte for byte in raw if byte >= 32 and byte != 127).strip())
targets = st.text(TOKEN + "/?=&;:@,()[]\xe4", max_size=20).map(lambda text: b"/" + text.replace("#", "").encode())


@st.composite
def requests(draw):
    method = draw(st.sampled_from(["GET", "POST", "PUT", "M-SEARCH"]))
    target = draw(targets)
    fields = [(b"host", b"a"), *draw(st.lists(st.tuples(names, values), max_size=5))]
    body = draw(st.binary(max_size=30))
    wire = body
    framing = draw(st.sampled_from(["none", "length", "chunks"]))
    if framing == "none":
        body = wire = b""
    elif framing == "length":
        fields.append((b"content-length", b"%d" % len(body)))
    else:
        fields.append((b"transfer-encoding", b"chunked"))
        wire = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    fields = draw(st.permutations(fields))
    space = draw(st.sampled_from([b"", b" ", b" \t "]))
    line = b"%b %b HTTP/1.1" % (method.encode(), target)
    raw = head(line, *(name + b":" + space + value + space for name, value in fields)) + wire
    headers = tuple((name.lower(), value) for name, value in fields)
    return Request(raw, Parsed(method=method, target=target, headers=headers, body=body))


@repeatable
@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 1000), max_size=12))
def test_a_pipeline_is_read_however_it_is_cut(pipeline, places):
    raw = b"".join(request.raw for request in pipeline)
    assert read(cut(raw, *places)) == [request.parsed for request in pipeline]


def verdict(pieces):
    try:
        return [replace(request, waits=False) for request in read(pieces)]
    except ProtocolError as error:
        return error.status, error.reason


pieces_of_requests = st.sampled_from(
    [case.raw for case in (*VALID, *INVALID) if len(case.raw) < 300] + [b"\r\n", b"\n", b"\r", b" ", b":", b"\t", b"\0"]
)


@repeatable
@given(st.data())
def test_damaged_bytes_get_one_verdict_however_they_are_cut(data):
    raw = data.draw(pieces_of_requests)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(place, min(len(raw), place + 4)))
        middle = data.draw(
            st.one_of(st.just(b""), st.binary(max_size=3), st.sampled_from([b"\r\n", b"\n", b" ", b":"]))
        )
        raw = raw[:place] + middle + raw[end:]
    assert verdict(bytewise(raw)) == verdict([raw])


@repeatable
@given(st.binary(max_size=100))
@example(b"\r\n")
@example(b"\r\n\r\n")
@example(b"\n\n")
def test_garbage_is_no_request(raw):
    assert verdict([raw]) == [] or isinstance(verdict([raw]), tuple)


@repeatable
@given(requests())
def test_h11_reads_the_same(request):
    assume(request.parsed.target.isascii())  # h11 refuses raw UTF-8
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request.raw)
    seen = connection.next_event()
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    ours = request.parsed
    assert (seen.method.decode(), seen.target, list(seen.headers), body) == (
        ours.method,
        ours.target,
        list(ours.headers),
        ours.body,
    )
