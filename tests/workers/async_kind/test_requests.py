"""Requests of an async worker: one after the other, side by side, and what surrounds them."""

import asyncio
import contextvars

from .apps import CHUNKED, POST, answer


def test_a_connection_serves_many_requests(run, app):
    one = run(app)
    with one.connect() as client:
        for _ in range(5):
            reply = client.get("/").answer()
            assert (reply.status, reply.body, reply.closes) == (200, b"ok", False)
        assert one.view.connections == 1
    assert "Traceback" not in one.log


def test_pipelined_requests_are_answered_in_order(run, app, gate):
    one = run(app)
    with one.connect() as client:
        requests = [b"GET /hold?n=1 HTTP/1.1\r\nHost: test\r\n\r\n", POST % (b"/echo", 3) + b"two"]
        requests += [CHUNKED % b"/echo" + b"5\r\nthree\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT"]
        client.send(b"".join(requests))
        gate.wait()
        gate.let_go()
        bodies = [client.answer().body for _ in range(4)]
        assert bodies == [b"1", b"two", b"three", b"ok"]
        client.send(b"TP/1.1\r\nHost: test\r\n\r\n")
        assert client.answer().body == b"ok"


def test_a_thousand_pipelined_requests_are_no_recursion(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n" * 1500)
        for _ in range(1500):
            assert client.answer().body == b"ok"


def test_a_pipelined_request_that_is_malformed_is_refused_after_the_answers_before_it(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/1.1\r\nHost : x\r\n\r\n")
        assert client.answer().status == 200
        assert client.answer().status == 400
        assert client.read_rest() == b""


def test_requests_run_side_by_side(run, app, gate):
    one = run(app)
    clients = [one.connect() for _ in range(20)]
    for number, client in enumerate(clients):
        client.get(f"/hold?n={number}")
    gate.wait(20)
    assert one.view.active == 20
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    gate.let_go(20)
    assert [client.answer().body for client in clients] == [b"%d" % number for number in range(20)]
    for client in clients:
        client.close()


def test_work_after_the_response_does_not_hold_up_the_next_request(run, app, gate):
    one = run(app)
    with one.connect() as client:
        assert client.get("/after").answer().body == b"answered"
        gate.wait()
        assert client.get("/").answer().body == b"ok"
        gate.let_go()
        assert gate.hear() == b"!"


def test_work_after_the_response_outlives_its_connection(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/after").answer()
        gate.wait()
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    gate.let_go()
    assert gate.hear() == b"!"


COLOUR = contextvars.ContextVar("colour", default="none")


def test_each_request_has_a_context_of_its_own_with_what_the_startup_set(run):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            COLOUR.set("green")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        found = COLOUR.get()
        COLOUR.set("red")
        await answer(send, found.encode())

    one = run(app)
    with one.connect() as client:
        assert [client.get("/").answer().body for _ in range(3)] == [b"green"] * 3


def test_the_worker_runs_on_the_loop_that_is_there(run, loop):
    async def app(scope, receive, send):
        await answer(send, type(asyncio.get_running_loop()).__module__.split(".")[0].encode())

    with run(app).connect() as client:
        assert client.get("/").answer().body.decode() == loop


def test_the_access_log_has_a_line_for_each_response(worker, app, tmp_path):
    path = tmp_path / "access.log"
    one = worker(app, kind="async", logs={"accesslog": str(path), "access_log_format": "%(r)s %(s)s %(B)s %(h)s"})
    with one.connect() as client:
        client.get("/a?b=c").answer()
        client.send(POST % (b"/echo", 3) + b"abc")
        client.answer()
    one.drain()
    assert one.wait() == 0
    assert path.read_text().splitlines() == [
        "GET /a?b=c HTTP/1.1 200 2 127.0.0.1",
        "POST /echo HTTP/1.1 200 3 127.0.0.1",
    ]


def test_the_app_knows_its_worker(worker):
    async def app(scope, receive, send):
        info = scope["extensions"]["pfork.worker"]
        await answer(send, f"{info.number} {info.generation} {info.kind} {info.requests}".encode())

    one = worker(app, kind="async", slot=4)
    with one.connect() as client:
        assert client.get("/").answer().body == b"5 3 async 0"
        assert client.get("/").answer().body == b"5 3 async 1"


def test_a_unix_socket_serves_too(worker, app, tmp_path):
    one = worker(app, kind="async", bind=(f"unix:{tmp_path}/sock", "127.0.0.1:0"))
    for listener in range(2):
        with one.connect(listener=listener) as client:
            assert client.get("/").answer().body == b"ok"
