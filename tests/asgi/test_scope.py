"""The scope of a request: ASGI HTTP, "HTTP Connection Scope"."""

import asyncio

import pytest

from pfork.config import HttpSettings
from pfork.http1 import ProtocolError
from pfork.sockets import ConnectionInfo

from .harness import TCP, Call, call

UNIX = ConnectionInfo("http", ("/run/pfork.sock", None), None)


def scope_of(data, info=TCP, **options):
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    call(app, data, info=info, **options)
    return seen


def request(target, *headers, version="1.1", method="GET"):
    lines = [f"{method} {target} HTTP/{version}", "Host: test", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def test_scope_has_all_that_the_specification_lists():
    assert scope_of(request("/a%20b?x=1%202", "X-Thing: 1", method="PATCH")) == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "PATCH",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=1%202",
        "root_path": "",
        "headers": [(b"host", b"test"), (b"x-thing", b"1")],
        "client": ("192.0.2.7", 4711),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {},
    }


PATHS = {
    "/": ("/", b"/", b""),
    "/?": ("/", b"/", b""),
    "/a?b?c": ("/a", b"/a", b"b?c"),
    "/caf%C3%A9": ("/café", b"/caf%C3%A9", b""),
    "/a%2Fb": ("/a/b", b"/a%2Fb", b""),
    "/%ff": ("/\ufffd", b"/%ff", b""),
    "/%": ("/%", b"/%", b""),
    "//double": ("//double", b"//double", b""),
    "http://other.test/p?q=1": ("/p", b"/p", b"q=1"),
    "http://other.test": ("/", b"/", b""),
}


@pytest.mark.parametrize("target", PATHS)
def test_path_is_decoded_and_raw_path_is_not(target):
    scope = scope_of(request(target))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == PATHS[target]


def test_raw_utf8_in_a_path_is_decoded():
    scope = scope_of(b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: test\r\n\r\n")
    assert (scope["path"], scope["raw_path"]) == ("/café", b"/caf\xc3\xa9")


def test_root_path_is_in_front_of_both_paths():
    scope = scope_of(request("/items%20x"), root_path="/api")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/api", "/api/items x", b"/api/items%20x")


def test_the_server_itself_has_no_root_path_in_front():
    scope = scope_of(request("*", method="OPTIONS"), root_path="/api")
    assert (scope["path"], scope["raw_path"]) == ("*", b"*")


def test_a_client_of_a_unix_socket_has_no_address():
    scope = scope_of(request("/"), info=UNIX)
    assert (scope["client"], scope["server"]) == (None, ("/run/pfork.sock", None))


def test_http_1_0_is_told():
    assert scope_of(request("/", version="1.0"))["http_version"] == "1.0"


def test_headers_are_lower_case_in_order_and_repeated_as_sent():
    scope = scope_of(request("/", "Cookie: a=1", "ACCEPT: x", "cookie: b=2", "X_Odd: \xe9", "Connection: Keep-Alive"))
    assert scope["headers"] == [
        (b"host", b"test"),
        (b"cookie", b"a=1"),
        (b"accept", b"x"),
        (b"cookie", b"b=2"),
        (b"x_odd", b"\xe9"),
        (b"connection", b"Keep-Alive"),
    ]


def test_headers_of_two_requests_are_two_lists():
    assert scope_of(request("/"))["headers"] is not scope_of(request("/"))["headers"]


def test_nothing_that_an_app_does_to_its_scope_is_seen_by_the_next_request():
    async def app(scope, receive, send):
        assert scope["state"] == {"pool": 1}
        assert scope["extensions"] == {"pfork.worker": "info"}
        assert scope["asgi"]["spec_version"] == "2.4"
        assert [name for name, _ in scope["headers"]] == [b"host"]
        scope["state"].clear()
        scope["extensions"]["mine"] = 1
        scope["asgi"].clear()
        scope["headers"].append((b"mine", b"1"))
        scope["path"] = "/changed"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    async def run():
        one = Call(app, request("/"), state={"pool": 1}, extensions={"pfork.worker": "info"})
        await one.finish()
        assert not one.reader.next_request()
        assert one.reader.receive(request("/second"))
        scope = one.reader.scope()
        assert scope["path"] == "/second"
        assert scope["state"] == {"pool": 1}
        assert scope["extensions"] == {"pfork.worker": "info"}
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
        assert scope["headers"] == [(b"host", b"test")]

    asyncio.run(run())


def test_state_is_a_shallow_copy_so_what_is_in_it_is_shared():
    pool = []
    first = scope_of(request("/"), state={"pool": pool})
    assert first["state"]["pool"] is pool


def test_the_limits_are_those_of_the_settings():
    with pytest.raises(ProtocolError) as caught:
        scope_of(request("/" + "a" * 200), http=HttpSettings(limit_request_line=100))
    assert caught.value.status == 414
