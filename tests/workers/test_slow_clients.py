"""Clients that are slow, silent or gone cost a connection, and never anybody else's time."""

import pytest

BIG = 8 << 20  # more than both ends of a socket take, less than makes an app wait
HUGE = 70 << 20  # more than may wait for one client
PIECE = b"x" * (1 << 20)


class Stream:
    """A response that tells the test when the server lets go of it."""

    def __init__(self, size, gate):
        self._left = size
        self._gate = gate

    def __iter__(self):
        return self

    def __next__(self):
        if self._left <= 0:
            raise StopIteration
        self._left -= len(PIECE)
        return PIECE

    def close(self):
        self._gate.tell()


@pytest.fixture
def app(gate, tmp_path):
    file_path = tmp_path / "file"
    file_path.write_bytes(PIECE * 8)

    def app(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/file":
            start_response("200 OK", [("Content-Length", str(BIG))])
            return environ["wsgi.file_wrapper"](file_path.open("rb"))
        size = {"/big": BIG, "/huge": HUGE}.get(path, 0)
        if size:
            start_response("200 OK", [("Content-Length", str(size))])
            return Stream(size, gate)
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return app


def is_served(one):
    """Whether somebody else is."""
    with one.connect() as client:
        return client.get("/").answer().status == 200


def test_a_client_that_says_nothing_delays_nobody(worker, kind, app, tmp_path):
    # On a unix socket: the kernel hides a silent TCP client from the worker (TCP_DEFER_ACCEPT).
    one = worker(app, kind=kind, bind=(f"unix:{tmp_path}/sock",))
    with one.connect() as silent, one.connect() as half:
        half.send(b"GET / HTTP/1.1\r\nHo")
        assert is_served(one)
        assert half.send(b"st: test\r\n\r\n").answer().status == 200
        assert silent.get("/").answer().status == 200


def test_a_slow_upload_delays_nobody(worker, kind, app):
    one = worker(app, kind=kind)
    with one.connect() as slow:
        slow.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\na")
        assert is_served(one)
        slow.send(b"b")
        assert is_served(one)
        assert slow.send(b"c").answer().body == b"abc"


def test_a_slow_reader_delays_nobody_and_gets_all(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as slow:
        slow.get("/big")
        gate.wait()  # the app is done, its response is not read
        assert is_served(one)
        assert len(slow.answer().body) == BIG
        assert slow.get("/").answer().status == 200


def test_a_slow_reader_of_a_file_delays_nobody_and_gets_all(worker, kind, app):
    one = worker(app, kind=kind)
    with one.connect() as slow:
        slow.get("/file")
        slow.read_head()
        assert is_served(one)
        assert slow.read(BIG) == PIECE * 8
        assert slow.get("/").answer().status == 200


def test_what_a_slow_reader_asks_meanwhile_is_answered_afterwards(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as slow:
        slow.get("/big").get("/")
        gate.wait()
        assert is_served(one)
        assert len(slow.answer().body) == BIG
        assert slow.answer().status == 200


@pytest.mark.slow
def test_an_app_waits_for_a_client_that_has_too_much_to_read_yet(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as slow:
        slow.get("/huge")
        assert len(slow.answer().body) == HUGE
        gate.wait()
        assert slow.get("/").answer().status == 200


@pytest.mark.slow
def test_an_app_that_waits_for_a_client_learns_that_it_has_left(worker, kind, app, gate):
    one = worker(app, kind=kind)
    with one.connect() as slow:
        slow.get("/huge")
        slow.read(1)
        slow.reset()
    gate.wait()
    assert is_served(one)


@pytest.mark.slow
def test_a_thread_that_waits_for_a_client_leaves_the_others_to_theirs(worker, app, gate):
    one = worker(app, kind="thread", processes={"threads": 2})
    with one.connect() as slow:
        slow.get("/huge")
        slow.read(1)
        assert is_served(one)
        slow.reset()
    gate.wait()


@pytest.mark.slow
def test_a_sync_worker_that_waits_for_a_client_reads_and_sends_for_the_others(worker, app, gate):
    one = worker(app, kind="sync")
    with one.connect() as reader, one.connect() as greedy, one.connect() as writer:
        reader.get("/big")
        gate.wait()
        writer.send(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n")
        greedy.get("/huge")
        greedy.read(1)
        # The worker is inside the app, which waits for greedy. What was answered before goes on:
        assert len(reader.answer().body) == BIG
        # and a request that becomes complete now is answered as soon as the app is done.
        writer.send(b"abc")
        greedy.reset()
        gate.wait()
        assert writer.answer().body == b"abc"


LEAVING = {
    "at once": b"",
    "in a head": b"GET / HTTP/1.1\r\nHo",
    "in a body": b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\na",
    "in a chunk": b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("when", LEAVING)
def test_a_client_that_leaves_early_is_forgotten(worker, kind, app, when, how):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.send(LEAVING[when])
        getattr(client, how)()
    assert is_served(one)
    one.drain()
    assert one.wait() == 0
    assert one.view.requests == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_its_response_is_forgotten(worker, kind, app, gate, how):
    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/big")
        gate.wait()
        getattr(client, how)()
    assert is_served(one)
    one.drain()
    assert one.wait() == 0
    assert "Traceback" not in one.log


def test_a_client_that_leaves_while_a_thread_answers_is_forgotten(worker, gate):
    def app(environ, start_response):
        gate.hold()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    one = worker(app, kind="thread", processes={"threads": 2})
    with one.connect() as client:
        client.get("/")
        gate.wait()
        client.reset()
    with one.connect() as other:
        other.get("/")
        gate.wait()
        gate.let_go(2)
        assert other.answer().body == b"ok"
    one.drain()
    assert one.wait() == 0


def test_a_request_is_done_even_if_nobody_waits_for_its_answer(worker, kind, gate):
    """A client that sends and leaves may mean it."""

    def app(environ, start_response):
        gate.tell()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    one = worker(app, kind=kind)
    with one.connect() as client:
        client.get("/")
    gate.wait()
