"""An async worker and well-behaved clients: requests, responses, and what goes on at the same time."""

import asyncio
import contextvars

import pytest

from tests.workers.async_apps import (
    LOOPS,
    AsyncGate,
    Routes,
    answer,
    on_both_loops,
    peak_memory,
    piece,
    query_of,
    read_body,
    start,
    without_uvloop,
)

MIB = 1 << 20
POST = b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def loop(request):
    return request.param


@pytest.fixture
def gate():
    with AsyncGate() as one:
        yield one


@pytest.fixture
def app(gate):
    app = Routes()

    @app.route
    async def echo(scope, receive, send):
        await answer(send, await read_body(receive))

    @app.route
    async def mirror(scope, receive, send):
        """Sends each piece back as it comes."""
        await start(send)
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await piece(send, message["body"], more)

    @app.route
    async def count(scope, receive, send):
        await gate.pass_through()
        total = 0
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            total += len(message["body"])
        await answer(send, b"%d" % total)

    @app.route
    async def hold(scope, receive, send):
        await gate.pass_through()
        await answer(send, query_of(scope).get("n", "held").encode())

    @app.route
    async def big(scope, receive, send):
        await start(send)
        for _ in range(int(query_of(scope)["mib"])):
            await piece(send, b"x" * MIB)
        await piece(send, b"", more=False)

    @app.route
    async def after(scope, receive, send):
        await answer(send, b"answered")
        await gate.pass_through()
        gate.say(b"!")

    @app.route
    async def watch(scope, receive, send):
        await receive()
        gate.say(b"w")
        message = await receive()
        gate.say(b"d" if message["type"] == "http.disconnect" else b"?")

    @app.route
    async def drop(scope, receive, send):
        await answer(send, b"not read")

    @app.route
    async def endless(scope, receive, send):
        await start(send)
        try:
            while True:
                await piece(send, b"x" * 65536)
        except OSError:
            gate.say(b"o")
            raise

    return app


@pytest.fixture
def run(worker, loop):
    """An async worker on the loop of the test."""

    def run(app, **options):
        if loop == "asyncio":
            options["in_child"] = without_uvloop
        return worker(app, kind="async", **options)

    return run


@on_both_loops
def test_a_connection_serves_many_requests(run, app):
    one = run(app)
    with one.connect() as client:
        for _ in range(5):
            reply = client.get("/").answer()
            assert (reply.status, reply.body, reply.closes) == (200, b"ok", False)
        assert one.view.connections == 1
    assert "Traceback" not in one.log


@on_both_loops
def test_pipelined_requests_are_answered_in_order(run, app):
    one = run(app)
    with one.connect() as client:
        requests = [b"GET /hold?n=1 HTTP/1.1\r\nHost: test\r\n\r\n", POST % (b"/echo", 3) + b"two"]
        requests += [CHUNKED % b"/echo" + b"5\r\nthree\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HT"]
        client.send(b"".join(requests))
        app_gate(one, app)
        bodies = [client.answer().body for _ in range(4)]
        assert bodies == [b"1", b"two", b"three", b"ok"]
        client.send(b"TP/1.1\r\nHost: test\r\n\r\n")
        assert client.answer().body == b"ok"


def app_gate(one, app):
    """The gate of the app of this test: let the first one pass."""
    hold = app._routes["/hold"]
    gate = next(cell.cell_contents for cell in hold.__closure__ if isinstance(cell.cell_contents, AsyncGate))
    gate.wait()
    gate.let_go()


@on_both_loops
def test_a_thousand_pipelined_requests_are_no_recursion(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n" * 1500)
        for _ in range(1500):
            assert client.answer().body == b"ok"


@on_both_loops
def test_a_pipelined_request_that_is_malformed_is_refused_after_the_answers_before_it(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/1.1\r\nHost : x\r\n\r\n")
        assert client.answer().status == 200
        assert client.answer().status == 400
        assert client.read_rest() == b""


BODIES = {"nothing": 0, "little": 10, "just small": 65536, "just large": 65537, "large": 3 * MIB + 1}


@pytest.mark.parametrize("size", BODIES.values(), ids=BODIES)
@on_both_loops
def test_a_body_arrives_whole(run, app, size):
    one = run(app)
    body = bytes(range(256)) * (size // 256 + 1)
    with one.connect() as client:
        client.send(POST % (b"/echo", size) + body[:size])
        assert client.answer().body == body[:size]
        assert client.get("/").answer().body == b"ok"


@on_both_loops
def test_a_small_body_that_comes_late_reaches_the_app_in_one_message(run, app):
    one = run(app)
    with one.connect() as client, one.connect() as other:
        client.send(POST % (b"/mirror", 6) + b"abc")
        other.get("/").answer()  # so the half has been read
        client.send(b"def")
        reply = client.answer()
        assert reply.body == b"abcdef"


@on_both_loops
def test_chunks_are_streamed_both_ways(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(CHUNKED % b"/mirror" + b"3\r\nabc\r\n")
        assert client.read_head().startswith(b"HTTP/1.1 200")
        assert client.read(8) == b"3\r\nabc\r\n"
        client.send(b"4\r\ndefg\r\n")
        assert client.read(9) == b"4\r\ndefg\r\n"
        client.send(b"0\r\nX-Sum: 1\r\n\r\n")
        assert client.read(5) == b"0\r\n\r\n"
        assert client.get("/").answer().body == b"ok"


@on_both_loops
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


@on_both_loops
def test_work_after_the_response_does_not_hold_up_the_next_request(run, app, gate):
    one = run(app)
    with one.connect() as client:
        assert client.get("/after").answer().body == b"answered"
        gate.wait()
        assert client.get("/").answer().body == b"ok"
        gate.let_go()
        assert gate.hear() == b"!"


@on_both_loops
def test_work_after_the_response_outlives_its_connection(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/after").answer()
        gate.wait()
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    gate.let_go()
    assert gate.hear() == b"!"


@pytest.mark.slow
@on_both_loops
def test_an_upload_waits_for_a_slow_app(run, app, gate):
    one = run(app)
    size = 64 * MIB
    with one.connect(timeout=1.0) as client:
        client.send(POST % (b"/count", size))
        gate.wait()
        before = peak_memory(one.pid)
        sent = 0
        with pytest.raises(TimeoutError):  # no more is taken
            while sent < size:
                sent += client.sock.send(b"x" * min(MIB, size - sent))
        assert sent < size
        client.sock.settimeout(30)
        gate.let_go()
        while sent < size:
            sent += client.sock.send(b"x" * min(MIB, size - sent))
        assert client.answer().body == b"%d" % size
        assert peak_memory(one.pid) - before < 8 * MIB


@pytest.mark.slow
@on_both_loops
def test_an_app_waits_for_a_slow_reader(run, app):
    one = run(app)
    with one.connect() as client, one.connect() as other:
        assert other.get("/").answer().body == b"ok"
        before = peak_memory(one.pid)
        client.get("/big?mib=64")
        assert other.get("/").answer().body == b"ok"
        assert len(client.answer().body) == 64 * MIB
        assert peak_memory(one.pid) - before < 16 * MIB


@on_both_loops
def test_an_app_learns_in_receive_that_the_client_has_closed(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.get("/watch")
        assert gate.hear() == b"w"
    assert gate.hear() == b"d"
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    assert "ERROR" not in one.log


@on_both_loops
def test_an_app_learns_in_receive_that_the_client_has_vanished(run, app, gate):
    one = run(app)
    client = one.connect()
    client.get("/watch")
    assert gate.hear() == b"w"
    client.reset()
    assert gate.hear() == b"d"


@on_both_loops
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


@on_both_loops
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


@on_both_loops
def test_a_client_that_leaves_in_its_body_is_no_error(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(POST % (b"/echo", MIB) + b"x" * 100_000)
    with one.connect() as client:
        client.send(POST % (b"/echo", 100) + b"x")
    one.drain()
    assert one.wait() == 0
    assert "ERROR" not in one.log


@on_both_loops
def test_a_client_that_waits_to_be_asked_is_asked_when_the_app_reads(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.send(POST[:-2] % (b"/count", 4) + b"Expect: 100-continue\r\n\r\n")
        gate.wait()
        assert not client.has_news(0)
        gate.let_go()
        assert client.read_head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"body")
        assert client.answer().body == b"4"
        assert client.get("/").answer().body == b"ok"


@on_both_loops
def test_a_client_that_waits_in_vain_gets_its_answer(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(POST[:-2] % (b"/drop", 4) + b"Expect: 100-continue\r\n\r\n")
        reply = client.answer()
        assert (reply.body, reply.closes) == (b"not read", True)
        assert client.read_rest() == b""


@on_both_loops
def test_the_answer_to_an_upload_that_nobody_reads_arrives(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(POST % (b"/drop", 8 * MIB))
        client.send_gently(b"x" * MIB)
        reply = client.answer()
        assert (reply.body, reply.closes) == (b"not read", True)


REFUSED = {
    "malformed": (b"GET / HTTP/1.1\r\nHost : test\r\n\r\n", 400),
    "old version": (b"GET / HTTP/2.0\r\nHost: test\r\n\r\n", 505),
    "long line": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", 414),
    "large body": (POST % (b"/echo", 1 << 40), 413),
    "large small body": (CHUNKED % b"/echo" + b"fffffff\r\n", 413),
    "bad chunk": (CHUNKED % b"/echo" + b"zz\r\n", 400),
    "websocket": (
        b"GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        501,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@on_both_loops
def test_what_is_no_request_is_refused_and_the_connection_closed(run, app, case):
    data, status = REFUSED[case]
    one = run(app, http={"limit_request_body": 10 * MIB})
    with one.connect() as client:
        client.send(data)
        reply = client.answer()
        assert (reply.status, reply.closes) == (status, True)
        assert client.read_rest() == b""
    with one.connect() as other:
        assert other.get("/").answer().body == b"ok"
    assert "ERROR" not in one.log


def test_any_other_upgrade_is_an_offer_that_is_not_taken(worker, app):
    one = worker(app, kind="async")
    with one.connect() as client:
        assert client.get("/", "Connection: Upgrade", "Upgrade: h2c").answer().body == b"ok"


@on_both_loops
def test_a_body_that_turns_bad_is_refused_while_the_app_waits(run, app, gate):
    one = run(app)
    with one.connect() as client:
        client.send(CHUNKED % b"/count" + b"3\r\nabc\r\n")
        gate.wait()
        gate.let_go()
        client.send(b"zz\r\n")
        assert client.answer().status == 400
    assert "ERROR" not in one.log


@on_both_loops
def test_a_body_that_turns_bad_after_the_response_has_begun_cuts_it(run, app):
    one = run(app)
    with one.connect() as client:
        client.send(CHUNKED % b"/mirror" + b"3\r\nabc\r\n")
        client.read_head()
        client.read(8)
        client.send(b"zz\r\n")
        assert client.read_rest() == b""
    assert "ERROR" not in one.log


COLOUR = contextvars.ContextVar("colour", default="none")


@on_both_loops
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


@on_both_loops
def test_the_worker_runs_on_the_loop_that_is_there(run, loop):
    async def app(scope, receive, send):
        await answer(send, type(asyncio.get_running_loop()).__module__.split(".")[0].encode())

    with run(app).connect() as client:
        assert client.get("/").answer().body.decode() == loop


def test_both_loops_are_tested():
    assert LOOPS == ("uvloop", "asyncio")


@on_both_loops
def test_an_app_that_fails_is_answered_for_and_logged_once(run):
    async def app(scope, receive, send):
        raise RuntimeError("the app raised")

    one = run(app, settings={"asgi_lifespan": "off"})
    with one.connect() as client:
        assert client.get("/fails?x=1").answer().status == 500
        assert client.get("/fails?x=1").answer().status == 500
    one.drain()
    assert one.wait() == 0
    assert one.log.count("Error handling request GET /fails?x=1 (answered 500)") == 2
    assert one.log.count("RuntimeError: the app raised") == 2


@on_both_loops
def test_an_app_that_calls_sys_exit_does_not_take_others_with_it(run, gate):
    app = Routes()

    @app.route
    async def exits(scope, receive, send):
        raise SystemExit(7)

    @app.route
    async def hold(scope, receive, send):
        await gate.pass_through()
        await answer(send, b"held")

    one = run(app)
    with one.connect() as client, one.connect() as other:
        other.get("/hold")
        gate.wait()
        assert client.get("/exits").answer().status == 500
        gate.let_go()
        assert other.answer().body == b"held"


@on_both_loops
def test_a_response_that_breaks_off_is_seen_to_be_incomplete(run):
    async def app(scope, receive, send):
        await start(send)
        await piece(send, b"first")
        raise RuntimeError("midway")

    one = run(app)
    with one.connect() as client:
        client.get("/")
        client.read_head()
        assert client.read_rest() == b"5\r\nfirst\r\n"
    with one.connect() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        client.read_head()
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(100):
                pass


@on_both_loops
def test_what_nobody_awaited_is_in_the_log(run):
    async def fails():
        raise RuntimeError("nobody looked")

    async def app(scope, receive, send):
        task = asyncio.ensure_future(fails())
        await asyncio.sleep(0)
        del task
        await answer(send, b"ok")

    one = run(app)
    with one.connect() as client:
        client.get("/").answer()
    one.wait_log("nobody looked")
    assert "Event loop: Task exception was never retrieved" in one.log


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
