"""The reader's contract with gateways and workers."""

import gc
import weakref

import pytest

from pfork.config import HttpSettings
from pfork.http1 import CHUNKED, FieldCache, ProtocolError, RequestReader, split_target

from .cases import chunked, head, post
from .reading import ListReader, bytewise, cut, read, refusal

GET = head(b"GET / HTTP/1.1", b"Host: a")
POST = post(b"Content-Length: 5", body=b"hello")


def test_attributes_of_a_complete_head():
    reader = ListReader()
    assert reader.receive(head(b"PUT /a?b HTTP/1.1", b"Host: a", b"Content-Length: 5"))
    assert (reader.method, reader.target) == ("PUT", b"/a?b")
    assert (reader.http11, reader.keep_alive) == (True, True)
    assert (reader.content_length, reader.body_done) == (5, False)
    assert (reader.upgrade, reader.expect_continue) == (b"", False)


def test_a_request_without_a_body_is_done_with_its_head():
    reader = ListReader()
    assert reader.receive(GET)
    assert (reader.content_length, reader.body_done) == (0, True)


def test_a_chunked_body_has_no_length():
    reader = ListReader()
    assert reader.receive(chunked(b""))
    assert (reader.content_length, reader.body_done) == (CHUNKED, False)


def test_nothing_is_no_head():
    reader = ListReader()
    assert not reader.receive(b"")
    assert reader.is_clean
    assert reader.receive(GET)


def test_the_base_class_reads_requests_without_keeping_headers():
    reader = RequestReader(HttpSettings(), FieldCache(lambda name, value: None))
    assert reader.receive(POST)
    assert reader.receive_body() == b"hello"
    assert not reader.next_request()
    with pytest.raises(ProtocolError, match="more than one Host"):
        reader.receive(head(b"GET / HTTP/1.1", b"Host: a", b"Host: b"))


def test_body_bytes_come_as_they_arrive():
    reader = ListReader()
    assert reader.receive(post(b"Content-Length: 7", body=b"ab"))
    assert reader.receive_body() == b"ab"
    assert reader.receive_body() == b""
    assert reader.receive_body(b"cde") == b"cde"
    assert not reader.body_done
    assert reader.receive_body(b"fgX") == b"fg"
    assert reader.body_done


def test_bytes_that_come_after_the_body_are_kept_for_the_next_request():
    reader = ListReader()
    assert reader.receive(POST + GET[:10])
    assert reader.receive_body() == b"hello"
    assert reader.receive_body(GET[10:20]) == b""
    assert reader.receive_body(GET[20:]) == b""
    assert reader.next_request()
    assert (reader.method, reader.body_done) == ("GET", True)


def test_bytes_that_come_after_a_head_without_a_body_are_kept():
    reader = ListReader()
    assert reader.receive(GET)
    assert reader.receive_body(POST) == b""
    assert reader.next_request()
    assert (reader.method, reader.receive_body()) == ("POST", b"hello")


def test_the_next_request_waits_for_the_rest_of_its_head():
    reader = ListReader()
    assert reader.receive(GET + POST[:20])
    assert not reader.next_request()
    assert reader.receive(POST[20:])
    assert reader.receive_body() == b"hello"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (GET, True),
        (POST, True),
        (POST + b"\r", True),
        (POST + b"\r\n", True),
        (POST + b"\r\n\r", False),
        (GET + b"G", False),
        (POST + b"G", False),
        (GET + GET, False),
    ],
)
def test_a_reader_is_clean_when_nothing_of_a_further_request_has_come(raw, clean):
    reader = ListReader()
    assert reader.receive(raw)
    reader.receive_body()
    assert reader.body_done
    assert reader.is_clean == clean
    if reader.next_request():
        assert reader.is_clean
    else:
        assert reader.is_clean == clean


def test_a_reader_is_not_clean_within_a_head():
    reader = ListReader()
    assert reader.is_clean
    assert not reader.receive(b"\r\n")
    assert reader.is_clean
    assert not reader.receive(b"G")
    assert not reader.is_clean


def test_the_next_request_must_not_begin_within_a_body():
    reader = ListReader()
    assert reader.receive(POST)
    with pytest.raises(RuntimeError, match="before the body's end"):
        reader.next_request()


def test_a_body_must_not_be_taken_for_a_head():
    reader = ListReader()
    assert reader.receive(post(b"Content-Length: 5"))
    with pytest.raises(RuntimeError, match="after the head"):
        reader.receive(b"hello")


@pytest.mark.parametrize("fields", [[b"Content-Length: 5"], [b"Transfer-Encoding: chunked"]])
def test_a_client_is_told_to_continue_unless_its_body_has_begun(fields):
    reader = ListReader()
    assert reader.receive(post(b"Expect: 100-continue", *fields))
    assert reader.expect_continue
    reader = ListReader()
    assert reader.receive(post(b"Expect: 100-continue", *fields, body=b"5"))
    assert not reader.expect_continue


def test_an_error_of_the_gateway_is_not_the_clients_fault():
    def broken(name, value):
        raise LookupError(name)

    with pytest.raises(LookupError, match="Host"):
        ListReader(fields=FieldCache(broken)).receive(GET)


def test_a_gateway_may_refuse_a_head():
    class Strict(ListReader):
        def take_fields(self, fields):
            raise ProtocolError(400, "none of that")

    with pytest.raises(ProtocolError, match="none of that"):
        Strict().receive(GET)


def test_a_gateway_knows_the_request_line_when_the_headers_come():
    class Curious(ListReader):
        def take_fields(self, fields):
            self.seen = (self.method, self.target, self.http11)

    reader = Curious()
    assert reader.receive(head(b"PUT /a HTTP/1.0"))
    assert reader.seen == ("PUT", b"/a", False)


@pytest.mark.parametrize("pieces", [lambda raw: [raw], bytewise], ids=["whole", "byte by byte"])
def test_the_request_line_of_a_refused_head_is_known_for_the_log(pieces):
    reader = ListReader()
    with pytest.raises(ProtocolError):
        for piece in pieces(head(b"PUT /a HTTP/1.1", b"Host: a", b"Broken")):
            reader.receive(piece)
    assert (reader.method, reader.target) == ("PUT", b"/a")


def test_the_request_line_of_the_last_request_is_forgotten():
    reader = ListReader()
    reader.receive(GET)
    reader.next_request()
    assert (reader.method, reader.target, reader.head_done) == ("", b"", False)


def test_a_reader_is_freed_without_the_garbage_collector():
    gc.disable()
    try:
        reader = ListReader()
        gone = weakref.ref(reader)
        reader.receive(GET + POST)
        reader.next_request()
        del reader
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/a?b=c?d", b"/a", b"b=c?d"),
        (b"/?", b"/", b""),
        (b"//a/b", b"//a/b", b""),
        (b"/a%3Fb", b"/a%3Fb", b""),
        (b"/a;b=c", b"/a;b=c", b""),
        (b"*", b"*", b""),
        (b"http://a", b"/", b""),
        (b"http://a/b?c", b"/b", b"c"),
        (b"HTTPS://a:80?c/d", b"/", b"c/d"),
        (b"http://a//b", b"//b", b""),
    ],
)
def test_a_target_is_path_and_query(target, path, query):
    assert split_target(target) == (path, query)


# Limits. The second number is the largest that passes.
LIMITS = {
    "limit_request_line": (414, 100, lambda n: head(b"GET /" + b"x" * (n - 14) + b" HTTP/1.1", b"Host: a")),
    "limit_request_fields": (431, 5, lambda n: head(b"GET / HTTP/1.1", b"Host: a", *[b"X: 1"] * (n - 1))),
    "limit_request_field_size": (431, 50, lambda n: head(b"GET / HTTP/1.1", b"Host: a", b"X:" + b"x" * (n - 2))),
    "limit_request_body": (413, 10, lambda n: post(b"Content-Length: %d" % n, body=b"x" * n)),
}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("pieces", [lambda raw: [raw], bytewise], ids=["whole", "byte by byte"])
def test_a_limit_is_the_largest_number_allowed(limit, pieces):
    status, most, make = LIMITS[limit]
    limits = HttpSettings(**{limit: most})
    assert len(read(pieces(make(most)), limits)) == 1
    assert refusal(pieces(make(most + 1)), limits)[0] == status


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("size", [1, 10, 20_000])
def test_a_limit_of_zero_is_none(limit, size):
    size = max(size, 20)
    limits = HttpSettings(**{limit: 0})
    assert len(read([LIMITS[limit][2](size)], limits)) == 1
    assert len(read(cut(LIMITS[limit][2](size), 15, 25, 7_000), limits)) == 1


@pytest.mark.parametrize(("size", "passes"), [(10, True), (11, False)])
def test_the_limit_of_a_body_counts_chunks_together(size, passes):
    raw = chunked(b"6\r\nabcdef\r\n%x\r\n%b\r\n0\r\n\r\n" % (size - 6, b"x" * (size - 6)))
    limits = HttpSettings(limit_request_body=10)
    assert (refusal([raw], limits) is None) == passes
    assert (refusal(bytewise(raw), limits) is None) == passes


def test_a_body_beyond_the_limit_is_refused_before_it_comes():
    limits = HttpSettings(limit_request_body=10)
    assert refusal([post(b"Content-Length: 11", b"Expect: 100-continue")], limits)[0] == 413
    assert refusal([chunked(b"b\r\n")], limits)[0] == 413


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\n"])
def test_ten_megabytes_are_refused_after_the_limit(start):
    reader = ListReader()
    taken = len(start)
    reader.receive(start)
    with pytest.raises(ProtocolError):
        while taken < 10_000_000:
            taken += 1000
            reader.receive(b"x" * 1000)
    assert taken < 8190 + len(start) + 1001
