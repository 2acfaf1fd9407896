"""``wsgi.file_wrapper`` (PEP 3333, "Optional Platform-Specific File Handling")."""

import gzip
import io
import os
import tempfile
from pathlib import Path

import pytest

from .fakes import Collector, request, serve

SIZE = 200_000
DATA = (bytes(range(256)) * (SIZE // 256 + 1))[:SIZE]
PROC = Path("/proc/self/status")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    return path


def sending(file, headers=(), **options):
    """An app that returns a wrapped file."""

    def app(environ, start_response):
        start_response("200 OK", list(headers))
        return environ["wsgi.file_wrapper"](file, **options)

    return app


def length(number):
    return [("Content-Length", str(number))]


def opened(path, position=0, **options):
    file = path.open("rb", **options)
    file.seek(position)
    return file


def read_ahead(path):
    """The descriptor is behind the position: what was buffered must not be lost."""
    file = path.open("rb")
    assert file.read(10) == DATA[:10]
    return file


def written(path):
    """A file that is read and written, with bytes still in its buffer."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the gateway closes it
    file.write(DATA)
    file.seek(5)
    return file


# how the file is opened, headers -> (offset, count) given to send_file
FROM_A_FILE = {
    "a whole file": (opened, (), (0, SIZE)),
    "an unbuffered file": (lambda path: opened(path, buffering=0), (), (0, SIZE)),
    "from its position": (lambda path: opened(path, 1000), (), (1000, SIZE - 1000)),
    "a file that was read from": (read_ahead, (), (10, SIZE - 10)),
    "a file that was written to": (written, (), (5, SIZE - 5)),
    "with its length": (opened, length(SIZE), (0, SIZE)),
    "up to Content-Length": (opened, length(SIZE - 7), (0, SIZE - 7)),
    "a part": (lambda path: opened(path, 50), length(100_000), (50, 100_000)),
}


@pytest.mark.parametrize(("make", "headers", "expected"), FROM_A_FILE.values(), ids=FROM_A_FILE)
def test_plain_file_is_sent_from_the_file(make, headers, expected, path):
    file = make(path)
    served = serve(sending(file, headers))
    offset, count = expected
    assert served.output.files == [expected]
    assert len(served.output.writes) == 2, "the head and the file"
    assert served.answer.body == DATA[offset : offset + count]
    assert served.answer.headers["Content-Length"] == str(count)
    assert served.outcome is True
    assert file.closed


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1"])
def test_length_of_a_file_is_known_to_clients_of_any_version(protocol, path):
    served = serve(sending(opened(path)), request(f"GET / {protocol}"))
    assert served.answer.headers["Content-Length"] == str(SIZE)
    assert served.answer.body == DATA


def test_small_file_goes_out_with_the_head_in_one_write(tmp_path):
    path = tmp_path / "small"
    path.write_bytes(b"small")
    served = serve(sending(opened(path)))
    assert (served.output.files, len(served.output.writes)) == ([], 1)
    assert served.answer.body == b"small"
    assert served.answer.headers["Content-Length"] == "5"


def test_head_of_a_file_is_sent_without_it(path):
    served = serve(sending(opened(path)), request("HEAD / HTTP/1.1"))
    assert served.output.files == []
    assert served.raw.endswith(b"\r\n\r\n")
    assert served.answer.headers["Content-Length"] == str(SIZE)


class Decrypting(io.BufferedReader):
    """A file whose bytes are not what is read."""

    def read(self, size=-1):
        return super().read(size).swapcase()


class NotAFile:
    """Only what PEP 3333 asks of a file-like object."""

    def __init__(self, data):
        self.stream = io.BytesIO(data)

    def read(self, size):
        return self.stream.read(size)


class Impostor(NotAFile):
    """Has the descriptor of something else."""

    def fileno(self):
        return 0

    def tell(self):
        return 0


def compressed(path):
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(DATA))
    return gzip.open(packed)


def decrypting(path):
    path.write_bytes(DATA.swapcase())
    return Decrypting(io.FileIO(path))


def a_pipe(path):
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    return open(reading, "rb")


def named(path):
    file = tempfile.NamedTemporaryFile(prefix="pfork-")  # noqa: SIM115 - the gateway closes it
    file.write(DATA)
    file.seek(0)
    return file


READ = {
    "bytes in memory": (lambda path: io.BytesIO(DATA), DATA),
    "a compressed file": (compressed, DATA),
    "a file of another class": (decrypting, DATA),
    "an object that only reads": (lambda path: NotAFile(DATA), DATA),
    "an object with a strange descriptor": (lambda path: Impostor(DATA), DATA),
    "a named temporary file": (named, DATA),
    "a pipe": (a_pipe, b"from a pipe"),
    "a file at its end": (lambda path: opened(path, SIZE), b""),
    "a file beyond its end": (lambda path: opened(path, SIZE + 10), b""),
}


@pytest.mark.parametrize(("make", "expected"), READ.values(), ids=READ)
def test_anything_else_is_read(make, expected, path):
    file = make(path)
    served = serve(sending(file))
    assert served.output.files == []
    assert served.answer.body == expected
    if hasattr(file, "closed"):
        assert file.closed


@pytest.mark.skipif(not PROC.exists(), reason="/proc is of Linux")
def test_file_that_does_not_know_its_size_is_read():
    served = serve(sending(PROC.open("rb")))
    assert served.output.files == []
    assert b"Name:" in served.answer.body


def test_block_size_is_what_is_read_at_a_time():
    served = serve(sending(io.BytesIO(b"abcdefgh"), length(8), block_size=3))
    assert served.output.writes[1:] == [b"def", b"gh"]


def test_text_file_is_an_error(path, log):
    path.write_text("text")
    file = path.open()
    assert serve(sending(file)).answer.status == 500
    assert file.closed
    assert "the iterable must give bytes (PEP 3333), not str" in log.errors[0]


def test_closed_file_is_an_error(path, log):
    file = opened(path)
    file.close()
    assert serve(sending(file)).answer.status == 500
    assert "ValueError" in log.errors[0]


def test_file_that_is_shorter_than_content_length_cuts_the_connection(path, log):
    served = serve(sending(opened(path), length(SIZE + 1)))
    assert served.outcome == "aborted"
    assert f"Content-Length is {SIZE + 1}" in log.errors[0]


def test_wrong_headers_with_a_file_are_answered_500(path, log):
    file = opened(path)
    served = serve(sending(file, [("Content-Length", 5)]))
    assert served.answer.status == 500
    assert "header 'Content-Length': the value must be a str" in log.errors[0]
    assert file.closed


@pytest.mark.parametrize("room", [0, 1])
def test_file_is_closed_when_the_client_has_left(room, path, log):
    file = opened(path)
    assert serve(sending(file), output=Collector(room=room)).outcome is False
    assert file.closed
    assert log.errors == []


def test_close_is_the_one_that_the_file_has_at_the_end(path):
    """Django puts the response's own in its place."""
    closed = []
    file = opened(path)
    really_close = file.close

    def app(environ, start_response):
        start_response("200 OK", [])
        wrapped = environ["wsgi.file_wrapper"](file)
        file.close = lambda: (closed.append(True), really_close())
        return wrapped

    serve(app)
    assert closed == [True]


@pytest.mark.parametrize("headers", [(), length(SIZE + 6)], ids=["in chunks", "with the length"])
def test_file_after_write_follows_what_was_written(headers, path):
    def app(environ, start_response):
        start_response("200 OK", list(headers))(b"first ")
        return environ["wsgi.file_wrapper"](opened(path))

    assert serve(app).answer.body == b"first " + DATA


def test_file_with_a_negative_content_length_is_not_read_for_nothing(path, log):
    file = opened(path)
    positions = []
    really_close = file.close
    file.close = lambda: (positions.append(file.tell()), really_close())
    assert serve(sending(file, length(-1))).answer.status == 500
    assert positions == [0]


def test_wrapper_that_is_wrapped_is_iterated(path):
    def app(environ, start_response):
        start_response("200 OK", [])
        with opened(path) as file:
            for piece in environ["wsgi.file_wrapper"](file, 50_000):
                yield piece.swapcase()

    assert serve(app).answer.body == DATA.swapcase()
