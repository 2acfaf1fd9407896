"""Iterables and framing: what is sent when, and what the client can tell from it."""

import pytest

from .fakes import Closing, Collector, hello, request, serve

HTTP10 = request("GET / HTTP/1.0")


def answering(result, headers=(), status="200 OK"):
    def app(environ, start_response):
        start_response(status, list(headers))
        return result() if callable(result) else result

    return app


def length(number):
    return [("Content-Length", str(number))]


def pieces(*given):
    return lambda: (piece for piece in given)


# what is returned, the app's headers -> body, framing, how many writes
BODIES = {
    "a list of one": ([b"hello"], (), b"hello", "length", 1),
    "a tuple of one": ((b"hello",), (), b"hello", "length", 1),
    "a list of several": ([b"he", b"", b"llo"], (), b"hello", "length", 1),
    "a tuple of several": ((b"he", b"llo"), (), b"hello", "length", 1),
    "an empty list": ([], (), b"", "length", 1),
    "an empty tuple": ((), (), b"", "length", 1),
    "a list of nothing": ([b""], (), b"", "length", 1),
    "a list with its length": ([b"hello"], length(5), b"hello", "length", 1),
    "an empty list with its length": ([], length(0), b"", "length", 1),
    "a generator": (pieces(b"he", b"llo"), (), b"hello", "chunks", 3),
    "a generator with empty pieces": (pieces(b"", b"he", b"", b"llo", b""), (), b"hello", "chunks", 3),
    "a generator with its length": (pieces(b"he", b"llo"), length(5), b"hello", "length", 2),
    "a generator of nothing": (pieces(), (), b"", "length", 1),
    "a generator of empty pieces": (pieces(b"", b""), (), b"", "length", 1),
    "an iterator": (lambda: iter([b"hello"]), (), b"hello", "chunks", 2),
    "a set": ({b"hello"}, (), b"hello", "chunks", 2),
    "a subclass of list, which may do as it likes": (type("L", (list,), {})([b"hello"]), (), b"hello", "chunks", 2),
    "bytes of a subclass": ([type("B", (bytes,), {})(b"hello")], (), b"hello", "length", 1),
    "a large list of one": ([b"x" * 100_000], (), b"x" * 100_000, "length", 2),
    "a large list of small pieces": ([b"x" * 1000] * 200, (), b"x" * 200_000, "length", 5),
    "a large piece": (pieces(b"x" * 100_000), length(100_000), b"x" * 100_000, "length", 2),
}


@pytest.mark.parametrize(("result", "headers", "body", "framing", "writes"), BODIES.values(), ids=BODIES)
def test_body_reaches_the_client(result, headers, body, framing, writes):
    served = serve(answering(result, headers))
    answer = served.answer
    assert (answer.body, answer.rest) == (body, b"")
    assert answer.chunked is (framing == "chunks")
    assert answer.headers["Content-Length"] == (str(len(body)) if framing == "length" else None)
    assert served.outcome is True
    assert len(served.output.writes) == writes


class OldSequence:
    """Iterable by ``__getitem__`` alone, as old applications are."""

    def __getitem__(self, index):
        return [b"he", b"llo"][index]


def test_sequence_without_iter_is_an_iterable():
    assert serve(answering(OldSequence())).answer.body == b"hello"


def test_each_piece_is_sent_before_the_next_is_asked_for():
    output = Collector()
    counts = []

    def app(environ, start_response):
        start_response("200 OK", [])
        counts.append(len(output.writes))
        yield b"one"
        counts.append(len(output.writes))
        yield b"two"
        counts.append(len(output.writes))

    serve(app, output=output)
    assert counts == [0, 1, 2]
    assert output.writes[0].endswith(b"\r\n\r\n3\r\none\r\n")
    assert output.writes[1:] == [b"3\r\ntwo\r\n", b"0\r\n\r\n"]


def test_empty_piece_does_not_send_the_head():
    output = Collector()
    counts = []

    def app(environ, start_response):
        start_response("200 OK", [])
        yield b""
        counts.append(len(output.writes))
        yield b"x"

    serve(app, output=output)
    assert counts == [0]


def test_http10_client_gets_a_body_that_ends_with_the_connection():
    served = serve(answering(pieces(b"he", b"llo")), request("GET / HTTP/1.0", ("Connection: keep-alive",)))
    answer = served.answer
    assert (answer.body, answer.chunked, answer.headers["Content-Length"]) == (b"hello", False, None)
    assert answer.headers["Connection"] == "close"
    assert served.outcome is False


def test_http10_connection_is_kept_if_asked_for_and_the_length_is_known():
    served = serve(answering([b"hello"]), request("GET / HTTP/1.0", ("Connection: keep-alive",)))
    assert served.answer.headers["Connection"] == "keep-alive"
    assert served.outcome is True


# request, headers of the app, what the worker says -> whether it is kept
KEPT = {
    "by default": (request(), (), True, True),
    "not on HTTP/1.0": (HTTP10, (), True, False),
    "not if the client closes": (request(headers=("Host: a", "Connection: close")), (), True, False),
    "not if the worker does not want to": (request(), (), False, False),
    "not if the app closes": (request(), [("Connection", "close")], True, False),
}


@pytest.mark.parametrize(("data", "headers", "keep", "expected"), KEPT.values(), ids=KEPT)
def test_connection_is_kept_only_if_all_three_want_to(data, headers, keep, expected):
    served = serve(answering([b"hello"], headers), data, output=Collector(keep=keep))
    assert served.outcome is expected
    assert served.answer.will_close is not expected


def test_worker_is_asked_once_whether_it_wants_to_keep_the_connection():
    assert serve(answering(pieces(b"a", b"b"))).output.asked == 1


def test_hop_by_hop_headers_of_the_application_are_not_sent():
    served = serve(answering([b"hello"], [("Transfer-Encoding", "chunked"), ("Keep-Alive", "timeout=1")]))
    assert served.answer.body == b"hello"
    assert served.answer.headers["Keep-Alive"] is None


# method, status, what is returned, headers -> Content-Length sent
BODILESS = {
    "HEAD, a list": ("HEAD", "200 OK", [b"hello"], (), "5"),
    "HEAD, an empty list": ("HEAD", "200 OK", [], (), None),
    "HEAD, an empty list with the length": ("HEAD", "200 OK", [], length(5), "5"),
    "HEAD, a generator": ("HEAD", "200 OK", pieces(b"hello"), (), None),
    "HEAD, a generator with its length": ("HEAD", "200 OK", pieces(b"hello"), length(5), "5"),
    "204": ("GET", "204 No Content", [], (), None),
    "204 with a body": ("GET", "204 No Content", [b"hello"], (), None),
    "204 with a length": ("GET", "204 No Content", [b"hello"], length(5), None),
    "304": ("GET", "304 Not Modified", [], (), None),
    "304 with a body": ("GET", "304 Not Modified", pieces(b"hello"), (), None),
    "304 with a length": ("GET", "304 Not Modified", [], length(5), "5"),
}


@pytest.mark.parametrize(("method", "status", "result", "headers", "announced"), BODILESS.values(), ids=BODILESS)
def test_response_without_a_body_is_a_head_alone(method, status, result, headers, announced):
    served = serve(answering(result, headers, status), request(f"{method} / HTTP/1.1"))
    assert served.raw.endswith(b"\r\n\r\n")
    assert served.raw.count(b"\r\n\r\n") == 1
    assert served.answer.headers["Content-Length"] == announced
    assert served.outcome is True


def test_body_that_nobody_gets_is_not_asked_for_beyond_its_first_piece():
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield b"x"

    result = Closing(endless())
    served = serve(answering(result), request("HEAD / HTTP/1.1"))
    assert served.answer.status == 200
    assert (len(asked), result.closed) == (1, 1)


def test_write_for_head_sends_the_head_alone():
    def app(environ, start_response):
        start_response("200 OK", [])(b"hello")
        return [b"more"]

    served = serve(app, request("HEAD / HTTP/1.1"))
    assert served.raw.count(b"\r\n\r\n") == 1
    assert len(served.output.writes) == 1


# what is returned for a Content-Length of 5
TOO_LONG = {
    "a list of one": [b"hello and more"],
    "a list of several": [b"hello", b" and more"],
    "a generator": pieces(b"hel", b"lo and more", b"and more"),
    "a generator, at a border": pieces(b"hello", b"and more"),
    "a large list": [b"hello" + b"x" * 100_000],
}
TOO_SHORT = {
    "a list of one": [b"hell"],
    "an empty list": [],
    "a generator": pieces(b"he", b"l"),
    "an empty generator": pieces(),
}


@pytest.mark.parametrize("result", TOO_LONG.values(), ids=TOO_LONG)
def test_too_many_bytes_are_cut_and_logged_and_the_connection_is_closed(result, log):
    served = serve(answering(result, length(5)), request("GET /long HTTP/1.1"))
    assert (served.answer.body, served.answer.rest) == (b"hello", b"")
    assert served.outcome is False
    assert len(log.errors) == 1
    assert "GET /long" in log.errors[0]
    assert "Content-Length is 5" in log.errors[0]
    assert "Traceback" not in log.errors[0], "there is no line of the application's to show"


def test_no_more_pieces_are_asked_for_than_fit(log):
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield b"abc"

    serve(answering(endless, length(5)))
    assert len(asked) == 2


@pytest.mark.parametrize("result", TOO_SHORT.values(), ids=TOO_SHORT)
def test_too_few_bytes_cut_the_connection_and_are_logged(result, log):
    served = serve(answering(result, length(5)), request("GET /short HTTP/1.1"))
    assert served.outcome == "aborted"
    assert len(log.errors) == 1
    assert "GET /short" in log.errors[0]
    assert "Content-Length is 5" in log.errors[0]


# what is returned -> what the log says of it
NO_BODIES = {
    "None": (None, "the application must return an iterable of bytes (PEP 3333), not None"),
    "str": ("hello", "not str"),
    "bytes": (b"hello", "not bytes: put it into a list"),
    "bytearray": (bytearray(b"hello"), "not bytearray"),
    "int": (5, "not int"),
    "object": (object(), "not object"),
    "list of str": (["hello"], "the iterable must give bytes (PEP 3333), not str"),
    "list of str and bytes": ([b"he", "llo"], "the iterable must give bytes (PEP 3333), not str"),
    "list of int": ([5], "not int"),
    "list of None": ([None], "not None"),
    "list of bytearray": ([bytearray(b"x")], "not bytearray"),
    "generator of str": (pieces("hello"), "not str"),
    "generator of empty str": (pieces(""), "not str"),
    "dict": ({"a": b"b"}, "not str"),
}


@pytest.mark.parametrize(("result", "said"), NO_BODIES.values(), ids=NO_BODIES)
def test_what_is_no_iterable_of_bytes_is_answered_500_and_the_rule_is_logged(result, said, log):
    served = serve(answering(result), request("GET /wrong HTTP/1.1"))
    assert served.answer.status == 500
    assert served.outcome is True
    assert len(log.errors) == 1
    assert "GET /wrong" in log.errors[0]
    assert "TypeError" in log.errors[0]
    assert said in log.errors[0]


def test_wrong_piece_after_the_first_cuts_the_connection(log):
    served = serve(answering(pieces(b"good", "bad")))
    assert served.outcome == "aborted"
    assert "not str" in log.errors[0]


def test_requests_on_one_connection_follow_each_other():
    served = [serve(hello, output=output) for output in [Collector()] for _ in range(2)]
    assert served[-1].answer.body == b"hello"
    assert served[-1].answer.rest.count(b"HTTP/1.1 200 OK") == 1
