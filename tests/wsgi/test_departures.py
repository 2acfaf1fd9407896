"""Clients that leave while they are served: no error of the application's, and ``close()`` is called."""

import pytest

from .fakes import Closing, Collector, request, serve

PLAIN = [("Content-Type", "text/plain")]


def test_generator_is_closed_when_the_client_has_left():
    ended = []

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        try:
            while True:
                yield b"piece"
        finally:
            ended.append(True)

    assert serve(app, output=Collector(room=3)).outcome is False
    assert ended == [True]


# after how many writes the client leaves
@pytest.mark.parametrize("room", [0, 1, 2])
def test_client_that_leaves_is_no_error(room, log):
    result = Closing([b"one", b"two", b"three"])

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    served = serve(app, request("GET /left HTTP/1.1"), output=Collector(room=room))
    assert served.outcome is False
    assert result.closed == 1
    assert log.errors == []
    assert len(log.lines) == 1
    assert log.lines[0].startswith("DEBUG GET /left: the client left")


def test_client_that_leaves_is_a_broken_pipe_to_the_application_that_writes(log):
    met = []

    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        try:
            while True:
                write(b"piece")
        except OSError as error:
            met.append(isinstance(error, ConnectionError))
            raise

    assert serve(app, output=Collector(room=2)).outcome is False
    assert met == [True]
    assert log.errors == []


def test_application_that_ignores_that_the_client_has_left_comes_to_no_harm(log):
    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        for _ in range(3):
            try:
                write(b"piece")
            except OSError:
                pass
        return [b"last"]

    assert serve(app, output=Collector(room=1)).outcome is False
    assert log.errors == []


def test_error_that_the_application_makes_of_it_is_its_own(log):
    def app(environ, start_response):
        write = start_response("200 OK", PLAIN)
        try:
            write(b"piece")
        except OSError as error:
            raise RuntimeError("cannot go on") from error

    assert serve(app, output=Collector(room=0)).outcome == "aborted"
    assert len(log.errors) == 1
    assert "RuntimeError: cannot go on" in log.errors[0]


def test_client_that_left_before_the_error_page_is_no_second_error(log):
    def app(environ, start_response):
        raise RuntimeError("trouble")

    served = serve(app, output=Collector(room=0))
    assert served.outcome is False
    assert len(log.errors) == 1
    assert log.lines[-1].startswith("DEBUG GET /")


def test_error_in_close_is_logged_even_if_the_client_has_left(log):
    result = Closing([b"a"], on_close=RuntimeError("in close"))

    def app(environ, start_response):
        start_response("200 OK", PLAIN)
        return result

    serve(app, output=Collector(room=0))
    assert len(log.errors) == 1
    assert "RuntimeError: in close" in log.errors[0]
