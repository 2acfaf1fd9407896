"""Clients that are slow, silent, gone or greedy: none of them delays anybody else, on any kind."""

import contextlib

import pytest

from tests.e2e import lines
from tests.e2e.kinds import every_kind, wsgi_kinds
from tests.e2e.raw import RawClient

HEAD = b"POST /echo HTTP/1.1\r\nHost: test\r\n"


def is_serving(one):
    """Whether somebody else is answered, over a connection of their own."""
    with one.raw(timeout=20) as client:
        return client.get("/number?n=1").answer().body == b"1"


def calls(one):
    """How often the app was called before this."""
    return one.get("/calls").json() - 1


@contextlib.contextmanager
def crowd(one, count, first=b""):
    """Many clients that send these bytes, if any, and nothing more."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(one.address)) for _ in range(count)]
        for client in clients:
            if first:
                client.send(first)
        yield clients


SILENCES = {
    "nothing": b"",
    "one byte": b"G",
    "half a head": b"GET / HTTP/1.1\r\nHost: te",
    "head without its body": HEAD + b"Content-Length: 10\r\n\r\n",
    "half a body": HEAD + b"Content-Length: 10\r\n\r\nhello",
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
}


@every_kind
@pytest.mark.parametrize("silence", SILENCES.values(), ids=SILENCES)
def test_clients_that_fall_silent_delay_nobody(shared, args, silence):
    one = shared(*args)
    with crowd(one, 50, silence):
        for _ in range(3):
            assert is_serving(one)
    assert is_serving(one)


@every_kind
def test_kept_connections_that_are_idle_delay_nobody(shared, args):
    one = shared(*args)
    with crowd(one, 50) as clients:
        for client in clients:
            assert client.get("/").answer().body == b"hello"
        assert is_serving(one)


@every_kind
def test_client_that_reads_nothing_of_a_large_response_delays_nobody(shared, args):
    one = shared(*args)
    with one.raw() as client:
        client.get("/big?size=50000000")
        client.read_head()
        assert is_serving(one)
        assert len(client.read(50_000_000)) == 50_000_000


@pytest.mark.slow
@every_kind
def test_client_that_sends_a_byte_now_and_then_is_cut_at_the_header_deadline(shared, args):
    one = shared(*args, "--header-timeout", "1", "--body-timeout", "1", "--keep-alive", "1")
    with one.raw() as client:
        for byte in b"GET / HTTP/1.1\r\nHost: test\r\nX-Long: " + b"x" * 100:
            client.send_gently(bytes([byte]))
            if client.has_news(0.1):  # the pause between the bytes is a wait for the server's answer
                break
            assert is_serving(one)
        else:
            pytest.fail("the client was never cut")
        rest = client.read_rest()
    assert rest.startswith(b"HTTP/1.1 408 "), rest


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("silence", SILENCES.values(), ids=SILENCES)
def test_client_that_falls_silent_is_cut_at_its_deadline(shared, args, silence):
    one = shared(*args, "--header-timeout", "1", "--body-timeout", "1", "--keep-alive", "1")
    with one.raw() as client:
        client.send(silence)
        rest = client.read_rest()
    if not silence:
        assert rest == b"", "to nobody who asked nothing is anything said"
    else:
        assert rest.startswith(b"HTTP/1.1 408 "), rest
        assert b"connection: close\r\n" in rest.lower()


@pytest.mark.slow
@every_kind
def test_idle_connection_is_closed_without_a_word(shared, args):
    one = shared(*args, "--header-timeout", "1", "--body-timeout", "1", "--keep-alive", "1")
    with one.raw() as client:
        assert not client.get("/").answer().closes
        assert client.read_rest() == b""


@every_kind
def test_ten_megabytes_of_header_are_refused(shared, args):
    one = shared(*args)
    with one.raw() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test\r\nX-Long: ")
        for _ in range(160):
            client.send_gently(b"x" * 65536)
        assert client.read_rest().startswith(b"HTTP/1.1 431 ")
    assert is_serving(one)


@every_kind
def test_ten_megabytes_of_request_line_are_refused(shared, args):
    one = shared(*args)
    with one.raw() as client:
        for _ in range(160):
            client.send_gently(b"GET /" + b"x" * 65536)
        assert client.read_rest().startswith(b"HTTP/1.1 414 ")
    assert is_serving(one)


@every_kind
def test_connection_that_is_closed_before_it_asks_is_no_event(shared, args):
    one = shared(*args)
    mark = one.log.mark()
    for _ in range(20):
        one.raw().close()
    for _ in range(20):
        one.raw().reset()
    assert is_serving(one)
    assert one.log.lines[mark:] == []


@wsgi_kinds
@pytest.mark.parametrize(
    "body", [b"Content-Length: 10\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
)
@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset], ids=["closes", "resets"])
def test_client_that_leaves_in_the_middle_of_its_body_never_reaches_the_app(shared, args, body, leave):
    one = shared(*args)
    before = calls(one)
    mark = one.log.mark()
    client = one.raw()
    client.send(HEAD + body)
    leave(client)
    assert is_serving(one)
    assert calls(one) == before + 2  # is_serving, and calls itself
    assert lines.TRACEBACK not in "\n".join(one.log.lines[mark:])


@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset], ids=["closes", "resets"])
def test_client_that_leaves_in_the_middle_of_its_body_is_a_disconnect_to_an_asgi_app(shared, leave):
    one = shared("asgi_probe:app", "-k", "async")
    mark = one.log.mark()
    client = one.raw()
    client.send(HEAD + b"Content-Length: 10\r\n\r\nhello")
    leave(client)
    assert is_serving(one)
    assert lines.TRACEBACK not in "\n".join(one.log.lines[mark:])


@every_kind
@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset], ids=["closes", "resets"])
def test_client_that_leaves_in_the_middle_of_its_response_stops_it(shared, gate, args, leave):
    one = shared(*args)
    mark = one.log.mark()
    client = one.raw()
    client.get(f"/endless?{gate.query}")
    client.read(1_000_000)
    leave(client)
    assert gate.wait().name == "closed", "the app is told: its iterable is closed, or its send raises"
    assert is_serving(one)
    assert lines.TRACEBACK not in "\n".join(one.log.lines[mark:])


def test_asgi_app_that_waits_for_the_end_of_the_connection_gets_it(shared, gate):
    one = shared("asgi_probe:app", "-k", "async")
    client = one.raw()
    client.get(f"/watch?{gate.query}")
    assert gate.wait().name == "watching"
    client.close()
    assert gate.wait().name == "http.disconnect"


@every_kind
def test_client_that_closes_its_sending_side_still_gets_its_answer(shared, gate, args):
    one = shared(*args)
    with one.raw() as client:
        client.get(f"/hold?{gate.query}")
        visit = gate.wait()
        client.shut_down()
        visit.let_go()
        assert client.answer().body == b"held"


@every_kind
def test_more_clients_than_connections_are_all_answered(server, args):
    one = server(*args, "--worker-connections", "5")
    with crowd(one, 10, b"GET /number?n=1 HTTP/1.1\r\nHost: test\r\n\r\n") as clients:
        for client in clients:
            assert client.answer().body == b"1"
            client.close()


@every_kind
def test_garbage_is_answered_400_and_never_reaches_the_app(shared, args):
    one = shared(*args)
    before = calls(one)
    for garbage in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"hello\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
    ):
        with one.raw() as client:
            client.send(garbage)
            client.shut_down()
            rest = client.read_rest()
            assert rest == b"" or rest.startswith(b"HTTP/1.1 400 "), rest
    assert calls(one) == before + 1
