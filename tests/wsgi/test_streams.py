"""``wsgi.errors``: what applications write there is found in the error log."""

import threading

import pytest

from pfork.wsgi.streams import ErrorStream

from .fakes import make_gateway, serve

# what is written, one by one -> the records
WRITTEN = {
    "a line": (["trouble\n"], ["ERROR trouble"]),
    "a line in pieces, as print() writes": (["trouble", "\n"], ["ERROR trouble"]),
    "two lines": (["one\n", "two\n"], ["ERROR one", "ERROR two"]),
    "two lines at once": (["one\ntwo\n"], ["ERROR one\ntwo"]),
    "a line and a half": (["one\ntw", "o\n"], ["ERROR one", "ERROR two"]),
    "nothing": (["", "\n", "  \n"], []),
    "half a line": (["tr", "ouble"], []),
    "a percent sign": (["100 %s\n"], ["ERROR 100 %s"]),
}


@pytest.mark.parametrize(("texts", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_complete_lines_are_records(texts, expected, log):
    stream = ErrorStream()
    for text in texts:
        assert stream.write(text) == len(text)
    assert log.lines == expected


def test_flush_logs_what_has_no_newline(log):
    stream = ErrorStream()
    stream.write("trouble")
    stream.flush()
    stream.flush()
    assert log.lines == ["ERROR trouble"]


def test_print_and_writelines_work(log):
    stream = ErrorStream()
    print("from", "print", file=stream)
    stream.writelines(["a\n", "b\n"])
    assert log.lines == ["ERROR from print", "ERROR a", "ERROR b"]


@pytest.mark.parametrize("value", [b"bytes", None, 5], ids=str)
def test_text_only(value):
    with pytest.raises(TypeError, match="is a text stream"):
        ErrorStream().write(value)


def test_pieces_of_two_threads_do_not_mix(log):
    stream = ErrorStream()
    stream.write("one ")

    def other():
        stream.write("two ")
        stream.write("2\n")

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    stream.write("1\n")
    assert log.lines == ["ERROR two 2", "ERROR one 1"]


def test_half_a_line_is_logged_at_the_end_of_its_request(log):
    def app(environ, start_response):
        environ["wsgi.errors"].write("half a line")
        start_response("200 OK", [])
        return [b""]

    gateway = make_gateway(app)
    serve(None, gateway=gateway)
    assert log.lines == ["ERROR half a line"]


def test_stream_can_still_be_written_after_an_application_closed_it(log):
    stream = ErrorStream()
    stream.close()
    stream.write("trouble\n")
    assert log.lines == ["ERROR trouble"]
