"""Request to environ, by PEP 3333 ("environ Variables") and by what Gunicorn's users rely on."""

import io

import pytest

from pfork import __version__
from pfork.config import HttpSettings
from pfork.http1 import ProtocolError
from pfork.sockets import ConnectionInfo

from .fakes import TCP, UNIX, Collector, environ_of, hello, make_gateway, request, serve

HOST = ("Host: example.org",)

# request line -> what the environ says
TARGETS = {
    "a path": ("GET /a/b HTTP/1.1", {"PATH_INFO": "/a/b", "QUERY_STRING": "", "RAW_URI": "/a/b"}),
    "the root": ("GET / HTTP/1.1", {"PATH_INFO": "/", "QUERY_STRING": ""}),
    "a query": ("GET /a?b=%20&c HTTP/1.1", {"PATH_INFO": "/a", "QUERY_STRING": "b=%20&c"}),
    "an empty query": ("GET /a? HTTP/1.1", {"PATH_INFO": "/a", "QUERY_STRING": "", "RAW_URI": "/a?"}),
    "two question marks": ("GET /a?b?c HTTP/1.1", {"PATH_INFO": "/a", "QUERY_STRING": "b?c"}),
    "two slashes": ("GET //a//b HTTP/1.1", {"PATH_INFO": "//a//b"}),
    "an escaped space": ("GET /a%20b HTTP/1.1", {"PATH_INFO": "/a b", "RAW_URI": "/a%20b"}),
    "an escaped slash": ("GET /a%2Fb HTTP/1.1", {"PATH_INFO": "/a/b", "RAW_URI": "/a%2Fb"}),
    "an escaped question mark": ("GET /a%3Fb HTTP/1.1", {"PATH_INFO": "/a?b", "QUERY_STRING": ""}),
    "a plus": ("GET /a+b HTTP/1.1", {"PATH_INFO": "/a+b"}),
    "a lone per cent sign": ("GET /100% HTTP/1.1", {"PATH_INFO": "/100%"}),
    "escaped UTF-8": ("GET /%C3%A9 HTTP/1.1", {"PATH_INFO": "/\xc3\xa9", "RAW_URI": "/%C3%A9"}),
    "raw UTF-8": ("GET /\xc3\xa9 HTTP/1.1", {"PATH_INFO": "/\xc3\xa9", "RAW_URI": "/\xc3\xa9"}),
    "escaped bytes that are no UTF-8": ("GET /%ff%00 HTTP/1.1", {"PATH_INFO": "/\xff\x00"}),
    "bytes in a query": ("GET /?\xff HTTP/1.1", {"QUERY_STRING": "\xff"}),
    "dots, which are the app's business": ("GET /a/../b HTTP/1.1", {"PATH_INFO": "/a/../b"}),
    "absolute form": (
        "GET http://example.org/a?b HTTP/1.1",
        {"PATH_INFO": "/a", "QUERY_STRING": "b", "RAW_URI": "http://example.org/a?b"},
    ),
    "absolute form with another host": (
        "GET http://other.example:81/ HTTP/1.1",
        {"PATH_INFO": "/", "HTTP_HOST": "other.example:81"},
    ),
    "absolute form without a path": ("GET http://example.org HTTP/1.1", {"PATH_INFO": "/"}),
    "asterisk form": (
        "OPTIONS * HTTP/1.1",
        {"PATH_INFO": "", "RAW_URI": "*", "REQUEST_METHOD": "OPTIONS"},
    ),
    "any method": ("PROPFIND / HTTP/1.1", {"REQUEST_METHOD": "PROPFIND"}),
    "HTTP/1.1": ("GET / HTTP/1.1", {"SERVER_PROTOCOL": "HTTP/1.1"}),
    "HTTP/1.0": ("GET / HTTP/1.0", {"SERVER_PROTOCOL": "HTTP/1.0"}),
}

# header lines -> keys and values; None: the key is not there
HEADERS = {
    "an ordinary header": (["User-Agent: a b"], {"HTTP_USER_AGENT": "a b"}),
    "lower case": (["user-agent: a"], {"HTTP_USER_AGENT": "a"}),
    "mixed case": (["uSER-aGENT: a"], {"HTTP_USER_AGENT": "a"}),
    "a name never met": (["X-Never-Met: 1"], {"HTTP_X_NEVER_MET": "1"}),
    "a very long name": (["X-" + "n" * 300 + ": 1"], {"HTTP_X_" + "N" * 300: "1"}),
    "a name with a dot": (["X.Y: 1"], {"HTTP_X.Y": "1"}),
    "an empty value": (["X-Empty:"], {"HTTP_X_EMPTY": ""}),
    "space around a value": (["X-Space: \t a b \t "], {"HTTP_X_SPACE": "a b"}),
    "bytes as latin-1": (["X-Bytes: \xc3\xa9"], {"HTTP_X_BYTES": "\xc3\xa9"}),
    "the type of the body": (
        ["Content-Type: a/b"],
        {"CONTENT_TYPE": "a/b", "HTTP_CONTENT_TYPE": None},
    ),
    "the length of no body": (["Content-Length: 0"], {"CONTENT_LENGTH": "0", "HTTP_CONTENT_LENGTH": None}),
    "no body": ([], {"CONTENT_LENGTH": None, "CONTENT_TYPE": None}),
    "those that frame the request": (
        ["connection: keep-alive, upgrade", "UPGRADE: h2c"],
        {"HTTP_HOST": "example.org", "HTTP_CONNECTION": "keep-alive, upgrade", "HTTP_UPGRADE": "h2c"},
    ),
    "two of a name": (["Accept: a", "Accept: b"], {"HTTP_ACCEPT": "a,b"}),
    "three, in different cases": (["X-A: 1", "x-a: 2", "X-a: 3"], {"HTTP_X_A": "1,2,3"}),
    "two that frame": (["Connection: a", "Connection: b"], {"HTTP_CONNECTION": "a,b"}),
    "two equal values": (["X-A: 1", "X-A: 1"], {"HTTP_X_A": "1,1"}),
    "two cookies": (["Cookie: a=1", "Cookie: b=2, 3"], {"HTTP_COOKIE": "a=1; b=2, 3"}),
    "an underscore": (["X_User: eve"], {"HTTP_X_USER": None}),
    "an underscore after the hyphen": (["X-User: bob", "X_User: eve"], {"HTTP_X_USER": "bob"}),
    "an underscore before the hyphen": (["X_User: eve", "X-User: bob"], {"HTTP_X_USER": "bob"}),
    "an underscore for a framing name": (["Content_Length: 5"], {"CONTENT_LENGTH": None}),
    "an underscore and no key of CGI": (["Content_Type: x"], {"CONTENT_TYPE": None}),
    "a name that looks like a key": (["Wsgi.Input: x"], {"HTTP_WSGI.INPUT": "x"}),
    "Script-Name, which is only a header": (["Script-Name: /x"], {"SCRIPT_NAME": "", "HTTP_SCRIPT_NAME": "/x"}),
}


@pytest.mark.parametrize(("line", "expected"), TARGETS.values(), ids=TARGETS)
def test_request_line_becomes_keys(line, expected):
    environ = environ_of(request(line))
    assert {key: environ[key] for key in expected} == expected


@pytest.mark.parametrize(("lines", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers_become_keys(lines, expected):
    environ = environ_of(request(headers=(*HOST, *lines)))
    assert {key: environ.get(key) for key in expected} == expected


def test_every_key_and_value_of_cgi_is_a_str():
    environ = environ_of(request("POST /?q HTTP/1.1", (*HOST, "X-A: b"), b"body"))
    assert {type(key) for key in environ} == {str}
    plain = {key: value for key, value in environ.items() if "." not in key and key != "body"}
    assert {type(value) for value in plain.values()} == {str}


def test_keys_of_wsgi_say_what_the_server_is():
    environ = environ_of(multithread=True, multiprocess=False)
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is False
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.input_terminated"] is True
    assert environ["SERVER_SOFTWARE"] == f"pfork/{__version__}"
    assert callable(environ["wsgi.file_wrapper"])


def test_scheme_is_the_connections():
    info = ConnectionInfo("https", ("127.0.0.1", 443), ("192.0.2.7", 1))
    assert environ_of(info=info)["wsgi.url_scheme"] == "https"


def test_addresses_of_a_tcp_connection():
    environ = environ_of()
    found = [environ[key] for key in ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT")]
    assert found == ["127.0.0.1", "8000", "192.0.2.7", "40001"]


def test_address_of_the_server_has_brackets_when_it_is_ipv6():
    info = ConnectionInfo("http", ("::1", 8000), ("::2", 9))
    environ = environ_of(info=info)
    found = [environ[key] for key in ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT")]
    assert found == ["[::1]", "8000", "::2", "9"]


# Host on a unix socket -> (SERVER_NAME, SERVER_PORT)
UNIX_HOSTS = {
    "a name": (("Host: example.org",), ("example.org", "80")),
    "a name and a port": (("Host: example.org:8080",), ("example.org", "8080")),
    "a name and an empty port": (("Host: example.org:",), ("example.org", "80")),
    "IPv6": (("Host: [::1]",), ("[::1]", "80")),
    "IPv6 and a port": (("Host: [::1]:81",), ("[::1]", "81")),
    "an empty Host": (("Host:",), ("localhost", "80")),
    "no Host": ((), ("localhost", "80")),
}


@pytest.mark.parametrize(("lines", "expected"), UNIX_HOSTS.values(), ids=UNIX_HOSTS)
def test_server_of_a_unix_socket_is_named_by_host(lines, expected):
    line = "GET / HTTP/1.1" if lines else "GET / HTTP/1.0"
    environ = environ_of(request(line, lines), info=UNIX)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == expected
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("", "")


def test_server_of_a_unix_socket_has_the_port_of_its_scheme():
    info = ConnectionInfo("https", ("/run/app.sock", None), None)
    assert environ_of(info=info)["SERVER_PORT"] == "443"


def test_body_is_the_input_and_its_length_is_told():
    environ = environ_of(request("POST / HTTP/1.1", HOST, b"a body"))
    assert (environ["body"], environ["CONTENT_LENGTH"]) == (b"a body", "6")


def test_chunked_body_has_a_length_and_no_coding_any_more():
    data = request("POST / HTTP/1.1", (*HOST, "Transfer-Encoding: chunked")) + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    environ = environ_of(data)
    assert (environ["body"], environ["CONTENT_LENGTH"]) == (b"abcde", "5")
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_extra_keys_are_in_every_environ():
    worker = object()
    gateway = make_gateway(hello, extra_environ={"pfork.worker": worker})
    for _ in range(2):
        assert serve(None, gateway=gateway).environ["pfork.worker"] is worker


def test_second_content_type_is_refused():
    reader = make_gateway(hello).reader(TCP)
    with pytest.raises(ProtocolError) as caught:
        reader.receive(request(headers=(*HOST, "Content-Type: a/b", "Content-Type: c/d")))
    assert caught.value.status == 400


def test_each_request_of_a_connection_has_a_fresh_environ():
    seen = []

    def app(environ, start_response):
        seen.append(dict(environ))
        environ.clear()
        return hello(environ, start_response)

    gateway = make_gateway(app)
    reader = gateway.reader(TCP)
    first = request("GET /1 HTTP/1.0", (*HOST, "X-First: 1", "X-Both: 1", "X-Both: 2"))
    assert reader.receive(first + request("GET /2 HTTP/1.1", (*HOST, "X-Both: 3")))
    serve_one(gateway, reader)
    assert reader.next_request()
    serve_one(gateway, reader)
    assert [one["PATH_INFO"] for one in seen] == ["/1", "/2"]
    assert [one["SERVER_PROTOCOL"] for one in seen] == ["HTTP/1.0", "HTTP/1.1"]
    assert [one["HTTP_X_BOTH"] for one in seen] == ["1,2", "3"]
    assert "HTTP_X_FIRST" not in seen[1]


def serve_one(gateway, reader):
    gateway.run(reader, io.BytesIO(), Collector())


def test_many_repetitions_of_a_name_are_all_there():
    lines = [f"X-A: {number}" for number in range(500)]
    environ = environ_of(request(headers=(*HOST, *lines)), http=HttpSettings(limit_request_fields=0))
    assert environ["HTTP_X_A"] == ",".join(map(str, range(500)))


# SCRIPT_NAME of the process, path -> (SCRIPT_NAME, PATH_INFO)
MOUNTS = {
    "not mounted": ("", "/a", ("", "/a")),
    "below": ("/app", "/app/x", ("/app", "/x")),
    "at it": ("/app", "/app", ("/app", "")),
    "at it, with a slash": ("/app", "/app/", ("/app", "/")),
    "a slash too many in the setting": ("/app/", "/app/x", ("/app", "/x")),
    "no slash in the setting": ("app", "/app/x", ("/app", "/x")),
    "only a slash in the setting": ("/", "/x", ("", "/x")),
    "escaped in the request": ("/a b", "/a%20b/c", ("/a b", "/c")),
    "not ASCII": ("/\u00e9", "/%C3%A9/c", ("/\xc3\xa9", "/c")),
}


@pytest.mark.parametrize(("script_name", "path", "expected"), MOUNTS.values(), ids=MOUNTS)
def test_script_name_is_parted_from_the_path(script_name, path, expected):
    environ = environ_of(request(f"GET {path} HTTP/1.1"), script_name=script_name)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == expected


@pytest.mark.parametrize("path", ["/", "/other", "/apple", "/ap", "/APP/x"])
def test_path_outside_of_script_name_is_answered_500_with_the_reason_logged(path, log):
    served = serve(hello, request(f"GET {path} HTTP/1.1"), script_name="/app")
    assert served.answer.status == 500
    assert len(log.errors) == 1
    assert f"GET {path}" in log.errors[0]
    assert "SCRIPT_NAME" in log.errors[0]
    assert "'/app'" in log.errors[0]


def test_asterisk_form_is_below_every_script_name():
    environ = environ_of(request("OPTIONS * HTTP/1.1"), script_name="/app")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "")


def test_script_name_is_the_environment_variable_by_default(monkeypatch):
    monkeypatch.setenv("SCRIPT_NAME", "/mounted")
    environ = environ_of(request("GET /mounted/x HTTP/1.1"), script_name=None)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mounted", "/x")
