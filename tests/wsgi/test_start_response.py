"""``start_response`` and ``write`` (PEP 3333, "The start_response() Callable" and "The write() Callable")."""

import sys

import pytest

from .fakes import Collector, error_log, request, serve

PLAIN = [("Content-Type", "text/plain")]


def test_head_has_the_status_and_headers_of_the_application():
    def app(environ, start_response):
        start_response("404 Gone Fishing", [("X-A", "1"), ("x-b", "2"), ("X-A", "\xe9")])
        return [b"no"]

    answer = serve(app).answer
    assert (answer.status, answer.reason, answer.body) == (404, "Gone Fishing", b"no")
    assert answer.headers.get_all("X-A") == ["1", "\xe9"]
    assert answer.headers["X-B"] == "2"
    assert answer.headers["Server"] == "pfork"
    assert answer.headers["Date"]


def test_headers_list_of_the_application_is_not_changed():
    headers = (("Content-Type", "text/plain"), ("Content-Length", "5"), ("Connection", "close"))
    given = list(headers)

    def app(environ, start_response):
        start_response("200 OK", given)
        return [b"hello"]

    serve(app)
    assert tuple(given) == headers


def test_exc_info_may_be_given_by_position_or_by_name():
    def app(environ, start_response):
        start_response("200 OK", PLAIN, None)
        start_response("201 Created", PLAIN, exc_info=exc_info(ValueError()))
        return [b""]

    assert serve(app).answer.status == 201


def exc_info(error):
    try:
        raise error
    except type(error):
        return sys.exc_info()


def test_second_call_without_exc_info_is_an_error(log):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        start_response("200 OK", PLAIN)
        return [b"never"]

    assert serve(app).answer.status == 500
    assert "AssertionError: start_response() called a second time without exc_info" in log.errors[0]


def test_second_call_with_exc_info_replaces_the_head_before_it_was_sent():
    def app(environ, start_response):
        start_response("200 OK", [("X-Old", "1")])
        try:
            raise RuntimeError("trouble")
        except RuntimeError:
            start_response("503 Busy", [("X-New", "1")], sys.exc_info())
        return [b"busy"]

    answer = serve(app).answer
    assert (answer.status, answer.body) == (503, b"busy")
    assert "X-Old" not in answer.headers
    assert answer.headers["X-New"] == "1"


def test_call_with_exc_info_after_the_head_was_sent_raises_that_exception(log):
    caught = []

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"first"
        error = RuntimeError("trouble")
        try:
            start_response("500 Oh", PLAIN, exc_info(error))
        except RuntimeError as again:
            caught.append(again is error)
            raise

    served = serve(app)
    assert caught == [True]
    assert served.outcome == "aborted"
    assert served.raw.endswith(b"5\r\nfirst\r\n")
    assert "RuntimeError: trouble" in log.errors[0]


def test_error_handling_middleware_can_answer_an_error_in_the_first_piece():
    def broken(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b""
        raise RuntimeError("trouble")

    def middleware(environ, start_response):
        try:
            yield from broken(environ, start_response)
        except RuntimeError:
            start_response("500 Handled", PLAIN, sys.exc_info())
            yield b"handled"

    answer = serve(middleware).answer
    assert (answer.status, answer.reason, answer.body) == (500, "Handled", b"handled")


# what the application gives to start_response -> what the log says of it
WRONG = {
    "status int": ((200, PLAIN), "TypeError: start_response(): status 200 must be a str"),
    "status bytes": ((b"200 OK", PLAIN), "status b'200 OK' must be a str"),
    "status None": ((None, PLAIN), "status None must be a str"),
    "status empty": (("", PLAIN), "status '' must be a str"),
    "status a word": (("OK", PLAIN), "OK': must be three digits"),
    "status of two digits": (("20 OK", PLAIN), "20 OK': must be three digits"),
    "status beyond latin-1": (("200 \u2713", PLAIN), "200 \u2713': must be three digits"),
    "status with a line end": (("200 OK\r\nX: y", PLAIN), "must be three digits, a space and a phrase"),
    "status interim": (("100 Continue", PLAIN), "status 100"),
    "headers None": (("200 OK", None), "headers must be a list of (name, value) tuples (PEP 3333), not None"),
    "headers a dict": (("200 OK", {"X": "y"}), "headers must be a list of (name, value) tuples"),
    "headers a string": (("200 OK", "X: y"), "headers must be a list"),
    "header a string": (("200 OK", ["X: y"]), "header 'X: y' must be a (name, value) tuple"),
    "header of three": (("200 OK", [("a", "b", "c")]), "must be a (name, value) tuple"),
    "header None": (("200 OK", [None]), "header None must be a (name, value) tuple"),
    "name bytes": (("200 OK", [(b"X-Name-Of-Bytes", b"y")]), "header name b'X-Name-Of-Bytes' must be a str"),
    "name None": (("200 OK", [(None, "y")]), "header name None must be a str"),
    "value int": (("200 OK", [("Content-Length", 5)]), "header 'Content-Length': the value must be a str"),
    "value bytes": (("200 OK", [("X", b"y")]), "header 'X': the value must be a str (PEP 3333), not bytes"),
    "value None": (("200 OK", [("X", None)]), "header 'X': the value must be a str (PEP 3333), not None"),
    "value beyond latin-1": (("200 OK", [("X", "\u2713")]), "Latin-1"),
    "value that splits": (("200 OK", [("X", "a\r\nSet-Cookie: b")]), "CR, LF or NUL"),
    "value with a bare LF": (("200 OK", [("X", "a\nb")]), "CR, LF or NUL"),
    "value with a NUL": (("200 OK", [("X", "a\0b")]), "CR, LF or NUL"),
    "name with a space": (("200 OK", [("X Y", "z")]), "X Y': must be"),
    "name with a colon": (("200 OK", [("X:", "z")]), "X:': must be"),
    "name empty": (("200 OK", [("", "z")]), "header name"),
    "name that splits": (("200 OK", [("A: b\r\nC", "z")]), "header name"),
    "length a word": (("200 OK", [("Content-Length", "five")]), "Content-Length"),
    "length negative": (("200 OK", [("Content-Length", "-1")]), "Content-Length"),
    "length twice": (("200 OK", [("Content-Length", "5"), ("content-length", "5")]), "Content-Length"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_wrong_argument_is_answered_500_and_the_rule_is_logged(arguments, said, log):
    def app(environ, start_response):
        start_response(*arguments)
        return [b"never"]

    served = serve(app)
    assert served.answer.status == 500
    assert b"never" not in served.raw
    assert b"Set-Cookie" not in served.raw
    assert served.outcome is True, "the connection is as good as before"
    assert len(log.errors) == 1
    assert "GET /" in log.errors[0]
    assert said in log.errors[0]
    assert "exception" not in log.errors[0], "one error, not a chain of them"
    assert ("\n" in log.errors[0]) is ("Traceback" in log.errors[0]), "one line, or a traceback"


def test_wrong_argument_is_raised_where_the_application_gave_it(log):
    def app(environ, start_response):
        try:
            start_response(200, PLAIN)
        except TypeError:
            start_response("200 OK", PLAIN)
        return [b"mended"]

    assert serve(app).answer.body == b"mended"
    assert log.errors == []


def test_tuple_of_headers_is_taken_as_a_list():
    def app(environ, start_response):
        start_response("200 OK", tuple(PLAIN))
        return [b"hello"]

    assert serve(app).answer.headers["Content-Type"] == "text/plain"


def test_start_response_may_wait_for_the_first_piece():
    def app(environ, start_response):
        yield b""
        start_response("200 OK", PLAIN)
        yield b"late"

    assert serve(app).answer.body == b"late"


NEVER_STARTED = {
    "list": [b"no head"],
    "empty list": [],
    "iterator": iter([b"no head"]),
    "empty iterator": iter([]),
}


@pytest.mark.parametrize("result", NEVER_STARTED.values(), ids=NEVER_STARTED)
def test_body_without_start_response_is_answered_500(result, log):
    assert serve(lambda environ, start_response: result).answer.status == 500
    assert "start_response() was not called" in log.errors[0]


def test_write_sends_at_once_and_the_head_with_the_first_piece():
    output = Collector()
    counts = []

    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        counts.append(len(output.writes))
        write(b"one")
        counts.append(len(output.writes))
        write(b"two")
        counts.append(len(output.writes))
        return [b"three"]

    served = serve(app, output=output)
    assert counts == [0, 1, 2]
    assert output.writes[0].endswith(b"\r\n\r\n3\r\none\r\n")
    assert served.answer.body == b"onetwothree"


def test_write_of_nothing_sends_no_head():
    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"")
        start_response("201 Created", PLAIN, exc_info(ValueError()))
        return [b""]

    assert serve(app).answer.status == 201


def test_write_alone_is_a_whole_body():
    def app(environ, start_response):
        start_response("200 OK", [*PLAIN, ("Content-Length", "5")])(b"hello")
        return []

    answer = serve(app).answer
    assert (answer.body, answer.chunked) == (b"hello", False)


@pytest.mark.parametrize("data", ["text", None, 5, bytearray(b"x"), memoryview(b"x")], ids=str)
def test_write_of_anything_but_bytes_is_an_error(data, log):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)(data)
        return []

    assert serve(app).answer.status == 500
    assert "TypeError: write(): takes bytes" in log.errors[0]


def test_write_beyond_content_length_raises_in_the_application_and_what_fits_is_sent(log):
    errors = []

    def app(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "5")])
        write(b"hel")
        try:
            write(b"lo and more")
        except ValueError as error:
            errors.append(error)
            raise
        return []

    served = serve(app)
    assert served.answer.body == b"hello"
    assert served.outcome is False
    assert len(errors) == 1
    assert "BodyTooLong" in log.errors[0]
    assert "in app" in log.errors[0], "the traceback shows the line that wrote too much"


@pytest.mark.parametrize("call", ["start_response", "write"])
def test_nothing_reaches_the_connection_after_the_request_has_ended(call):
    kept = {}

    def app(environ, start_response):
        kept["start_response"] = start_response
        kept["write"] = start_response("200 OK", PLAIN)
        return [b"hello"]

    served = serve(app)
    before = served.output.raw
    arguments = {"start_response": ("200 OK", PLAIN, exc_info(ValueError("late"))), "write": (b"late",)}
    with pytest.raises(AssertionError, match="after the request had ended"):
        kept[call](*arguments[call])
    assert served.output.raw == before


def test_nothing_reaches_the_connection_after_a_failed_request_either():
    kept = []

    def app(environ, start_response):
        kept.append(start_response("200 OK", PLAIN))
        raise RuntimeError("trouble")

    with error_log():
        serve(app, request())
    with pytest.raises(AssertionError):
        kept[0](b"late")
