"""Applications that fail: who learns what, and that ``close()`` is called in any case."""

import asyncio
import functools
import sys
import threading

import pytest

from .fakes import Closing, Collector, hello, make_gateway, request, serve

PLAIN = [("Content-Type", "text/plain")]


class Odd(BaseException):
    """Neither an Exception nor one of the known others."""


ERRORS = [
    RuntimeError("trouble"),
    SystemExit(7),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(),
    MemoryError(),
    RecursionError(),
    asyncio.CancelledError(),
    ConnectionResetError("of the application's own"),
    Odd("trouble"),
]


def raiser(error):
    def app(environ, start_response):
        raise error

    return app


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_is_raised_before_the_head_is_answered_500_with_its_traceback_logged_once(error, log):
    served = serve(raiser(error), request("GET /some/page?q HTTP/1.1"))
    answer = served.answer
    assert answer.status == 500
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"trouble" not in served.raw
    assert b"Traceback" not in served.raw
    assert served.outcome is True
    assert len(log.errors) == 1
    assert log.errors[0].startswith("ERROR Error handling request GET /some/page?q (answered 500)\n")
    assert log.errors[0].count("Traceback (most recent call last)") == 1
    assert type(error).__name__ in log.errors[0].splitlines()[-1]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_is_raised_after_the_first_byte_cuts_the_connection(error, log):
    result = Closing([b"first", error])

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    served = serve(app, request("GET /some/page HTTP/1.1"))
    if isinstance(error, StopIteration):  # the ordinary end of an iterator
        assert served.answer.body == b"first"
        return
    assert served.outcome == "aborted"
    assert served.raw.endswith(b"5\r\nfirst\r\n"), "no last chunk: the client sees that more was to come"
    assert result.closed == 1
    assert len(log.errors) == 1
    assert "GET /some/page" in log.errors[0]
    assert "connection cut" in log.errors[0]
    assert log.errors[0].count("Traceback (most recent call last)") == 1


def test_error_before_the_first_piece_of_a_generator_is_answered_500(log):
    def app(environ, start_response):
        start_response("200 OK", [("X-Old", "1")])
        yield b""
        raise RuntimeError("trouble")

    answer = serve(app).answer
    assert (answer.status, answer.headers["X-Old"]) == (500, None)
    assert "RuntimeError: trouble" in log.errors[0]


def test_error_for_head_has_no_body(log):
    served = serve(raiser(RuntimeError()), request("HEAD / HTTP/1.1"))
    assert served.answer.status == 500
    assert served.raw.endswith(b"\r\n\r\n")


def test_traceback_begins_with_the_application(log):
    serve(raiser(RuntimeError("trouble")))
    lines = log.errors[0].splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert __file__ in lines[2]
    assert "pfork/wsgi" not in log.errors[0]


def test_traceback_of_a_generator_begins_with_the_application(log):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        yield b"first"
        raise RuntimeError("trouble")

    serve(app)
    assert __file__ in log.errors[0].splitlines()[2]
    assert "pfork/wsgi" not in log.errors[0]


def test_traceback_shows_the_cause(log):
    def app(environ, start_response):
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError("trouble") from error

    serve(app)
    assert "KeyError: 'missing'" in log.errors[0]
    assert "direct cause" in log.errors[0]


def test_application_that_cannot_be_called_so_is_an_error_of_one_line(log):
    assert serve(list).answer.status == 500
    assert log.errors[0].count("\n") == 0
    assert "TypeError" in log.errors[0]
    assert "2" in log.errors[0]


def test_bytes_of_a_target_cannot_forge_a_log_line(log):
    serve(raiser(RuntimeError()), request("GET /\xff%0a HTTP/1.1"))
    assert log.errors[0].splitlines()[0].endswith(r"GET /\xff%0a (answered 500)")


def test_error_page_keeps_nothing_of_the_failed_head(log):
    def app(environ, start_response):
        start_response("200 OK", [("Set-Cookie", "secret"), ("Content-Length", "3"), ("X", "a\nb")])
        return [b"abc"]

    served = serve(app)
    assert served.answer.body == b"Internal Server Error\n"
    assert b"secret" not in served.raw


def writes_then_raises(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])(b"hello")
    raise RuntimeError("too late to matter")


def yields_then_raises(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    yield b"hello"
    raise RuntimeError("too late to matter")


def test_error_in_a_close_without_a_line_of_python_does_not_hide_the_first(log):
    class Result(Closing):
        close = staticmethod(functools.partial(int, "not a number"))

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return Result([RuntimeError("first trouble")])

    assert serve(app).answer.status == 500
    assert "RuntimeError: first trouble" in log.errors[0]
    assert "ValueError: invalid literal" in log.errors[0]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_error_behind_the_last_announced_byte_spoils_nothing(method, log):
    served = serve(writes_then_raises, request(f"{method} / HTTP/1.1"))
    assert served.answer.body == (b"hello" if method == "GET" else b"")
    assert served.outcome is True
    assert len(log.errors) == 1
    assert "its response had been sent" in log.errors[0]


def test_error_behind_the_last_announced_piece_spoils_nothing(log):
    served = serve(yields_then_raises)
    assert (served.answer.body, served.outcome) == (b"hello", True)
    assert "RuntimeError: too late to matter" in log.errors[0]


def test_file_that_cannot_be_read_cuts_the_connection(tmp_path, log):
    class Broken(Collector):
        def send_file(self, file, offset, count):
            raise OSError("the disk is gone")

    path = tmp_path / "file"
    path.write_bytes(b"x" * 100_000)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "100000")])
        return environ["wsgi.file_wrapper"](open(path, "rb"))

    assert serve(app, output=Broken()).outcome == "aborted"
    assert "the disk is gone" in log.errors[0]


CLOSED = {
    "list given to the end": [b"a", b"b"],
    "nothing": [],
    "an error first": [RuntimeError()],
    "an error later": [b"a", RuntimeError()],
    "a wrong piece": ["text"],
    "sys.exit": [b"a", SystemExit(1)],
}


@pytest.mark.parametrize("given", CLOSED.values(), ids=CLOSED)
def test_close_is_called_exactly_once(given, log):
    result = Closing(given)

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    serve(app)
    assert result.closed == 1


def test_close_is_called_when_start_response_was_not(log):
    result = Closing([b"a"])
    serve(lambda environ, start_response: result)
    assert result.closed == 1


def test_close_is_called_even_for_what_is_no_iterable(log):
    result = type("Closable", (), {"closed": 0, "close": lambda self: setattr(self, "closed", self.closed + 1)})()

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    assert serve(app).answer.status == 500
    assert result.closed == 1


def test_close_comes_after_the_last_byte():
    output = Collector()
    seen = []

    class Last(Closing):
        def close(self):
            seen.append(output.raw[-5:])

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return Last([b"a"])

    serve(app, output=output)
    assert seen == [b"0\r\n\r\n"]


def test_error_in_close_after_the_response_is_logged_and_the_connection_is_kept(log):
    result = Closing([b"a"], on_close=RuntimeError("in close"))

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    served = serve(app)
    assert served.answer.body == b"a"
    assert served.outcome is True
    assert len(log.errors) == 1
    assert "response had been sent" in log.errors[0]
    assert "RuntimeError: in close" in log.errors[0]


def test_error_in_close_after_another_error_shows_both(log):
    result = Closing([RuntimeError("first trouble")], on_close=RuntimeError("in close"))

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    assert serve(app).answer.status == 500
    assert len(log.errors) == 1
    assert "RuntimeError: first trouble" in log.errors[0]
    assert "RuntimeError: in close" in log.errors[0]


def test_gateway_serves_on_after_every_failure(log):
    failing = [*ERRORS, None]

    def app(environ, start_response):
        error = failing.pop(0)
        if error is not None:
            raise error
        return hello(environ, start_response)

    gateway = make_gateway(app)
    for _ in ERRORS:
        assert serve(None, gateway=gateway).answer.status == 500
    assert serve(None, gateway=gateway).answer.body == b"hello"


def test_application_that_calls_sys_exit_in_its_body_does_not_end_the_process(log):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        sys.exit(3)

    assert serve(app).answer.status == 500
    assert "SystemExit: 3" in log.errors[0]


def test_threads_share_a_gateway_and_do_not_mix(log):
    def app(environ, start_response):
        start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
        return [environ["PATH_INFO"].encode()] * int(environ["QUERY_STRING"])

    gateway = make_gateway(app, multithread=True)
    wrong = []

    def client(number):
        for count in range(1, 50):
            answer = serve(None, request(f"GET /{number}?{count} HTTP/1.1"), gateway=gateway).answer
            if (answer.headers["X-Path"], answer.body) != (f"/{number}", f"/{number}".encode() * count):
                wrong.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, log.errors) == ([], [])
