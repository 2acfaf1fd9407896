"""Clients that leave, or seem to."""

from .apps import MIB, POST


def test_an_app_learns_in_receive_that_the_client_has_closed(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/watch")
        assert gate.hear() == b"w"
    assert gate.hear() == b"d"
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    assert "ERROR" not in one.log


def test_an_app_learns_in_receive_that_the_client_has_vanished(run, app, gate):
    one = run(app)
    client = one.connect()
    client.get("/watch")
    assert gate.hear() == b"w"
    client.reset()
    assert gate.hear() == b"d"


def test_an_app_that_streams_learns_in_send_that_the_client_has_left(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/endless")
        client.read(100_000)
    assert gate.hear() == b"o"
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    one.drain()
    assert one.wait() == 0
    assert "ERROR" not in one.log
    assert one.view.active == 0


def test_a_client_that_has_sent_all_and_says_so_is_answered(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/hold?n=1").get("/")
        client.shut_down()
        gate.wait()
        gate.let_go()
        assert client.answer().body == b"1"
        assert client.answer().body == b"ok"
        assert client.read_rest() == b""


def test_a_client_that_leaves_in_its_body_is_no_error(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(POST % (b"/echo", MIB) + b"x" * 100_000)
    with one.connect() as client:
        client.send(POST % (b"/echo", 100) + b"x")
    one.drain()
    assert one.wait() == 0
    assert "ERROR" not in one.log
