"""pfork behind the real nginx, with conf/nginx.conf as it is."""

import hashlib
import os
import signal

import httpx
import pytest

from tests.e2e import lines
from tests.e2e.django_checks import make_site
from tests.e2e.harness import PATIENCE_S, Server
from tests.e2e.kinds import KINDS
from tests.e2e.load import Load
from tests.e2e.nginx import NGINX, Nginx
from tests.e2e.raw import RawClient

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.skipif(NGINX is None and not os.environ.get("CI"), reason="needs nginx (Debian: nginx-light)"),
]

BIG = bytes(range(256)) * (4 * 1024 * 12)  # 12 MiB: less than client_max_body_size


class Site:
    """A pfork on both kinds of address, and nginx in front of it."""

    def __init__(self, *args, workers=2, env=None):
        self.args, self.env = (*args, "-w", str(workers)), env

    def __enter__(self):
        self.server = Server(*self.args, "--access-logfile", "-", bind=None, env=self.env)
        root = self.server.cwd
        site = root / "site"
        (site / "static").mkdir(parents=True)
        (site / "static" / "style.css").write_text("body { color: teal }\n")
        for directory in (root, site):
            directory.chmod(0o755)  # nginx's workers are another user
        self.server.args += ["-b", "127.0.0.1:0", "-b", f"unix:{root}/pfork.sock"]
        self.server.__enter__()
        self.nginx = Nginx(site, *self.server.addresses)
        self.nginx.__enter__()
        return self

    def __exit__(self, *exc_info):
        self.nginx.__exit__()
        self.server.close()

    def address(self, upstream):
        return getattr(self.nginx, f"over_{upstream}")

    def client(self, upstream):
        host, port = self.address(upstream)
        return httpx.Client(base_url=f"http://{host}:{port}", timeout=PATIENCE_S, trust_env=False, verify=False)


@pytest.fixture(scope="module", params=KINDS)
def site(request):
    with Site(*KINDS[request.param]) as one:
        yield one


@pytest.fixture(params=["tcp", "unix"])
def upstream(request):
    return request.param


def test_static_files_are_served_by_nginx_alone(site, upstream):
    with site.client(upstream) as client:
        answer = client.get("/static/style.css")
        assert (answer.status_code, answer.text) == (200, "body { color: teal }\n")
        assert answer.headers["Content-Type"] == "text/css"
        assert "Cache-Control" in answer.headers
        assert client.get("/static/no-such-file").status_code == 404
    assert "/static" not in site.server.out.text


def test_everything_else_is_passed_on(site, upstream):
    with site.client(upstream) as client:
        assert client.get("/").text == "hello"
        assert client.post("/echo", content=b"a body").content == b"a body"
        assert client.get("/no-such-page").status_code == 404
        assert client.head("/").headers["Content-Length"] == "5"


def test_the_app_learns_of_the_client_and_its_host(site, upstream):
    with site.client(upstream) as client:
        claimed = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https"}
        seen = client.get("/request?a=1&b=%20", headers=claimed).json()
    host, port = site.address(upstream)
    assert (seen["path"], seen["query"], seen["protocol"]) == ("/request", "a=1&b=%20", "HTTP/1.1")
    assert seen["headers"]["host"] == f"{host}:{port}"
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert seen["headers"]["x-forwarded-proto"] == "http"


def test_big_upload_comes_back_whole(site, upstream):
    with site.client(upstream) as client:
        answer = client.post("/echo", content=BIG)
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(BIG).digest()


def test_chunked_upload_comes_back_whole(site, upstream):
    pieces = (BIG[place : place + 100_000] for place in range(0, len(BIG), 100_000))
    with site.client(upstream) as client:
        # Not /echo-chunked: an ASGI app would answer while it reads, and nginx does not listen before it has sent all.
        answer = client.post("/echo", content=pieces)
    assert answer.content == BIG


def test_upload_larger_than_nginx_allows_never_comes_to_pfork(site, upstream):
    with RawClient(site.address(upstream)) as client:
        client.send(b"POST /echo?too-large HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n")
        assert client.answer().status == 413
    assert "too-large" not in site.server.out.text


def test_big_download_arrives_whole(site, upstream):
    with site.client(upstream) as client, client.stream("GET", "/big?size=50000000") as answer:
        assert sum(len(piece) for piece in answer.iter_raw()) == 50_000_000


def test_connections_to_pfork_are_kept():
    with Site("wsgi_probe:app", "-k", "sync", workers=1) as site, site.client("tcp") as client:
        ports = [client.get("/request").json()["environ"]["REMOTE_PORT"] for _ in range(10)]
    assert len(set(ports)) == 1, "the one nginx worker that serves this client uses one connection"


def test_pipelined_requests_of_a_client_are_answered_in_order(site, upstream):
    with RawClient(site.address(upstream)) as client:
        for number in range(10):
            client.get(f"/number?n={number}")
        assert [client.answer().body for _ in range(10)] == [str(number).encode() for number in range(10)]


def test_app_that_fails_midway_is_no_whole_response_behind_nginx_either(site, upstream):
    with site.client(upstream) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/raises-midway")
        assert client.get("/").text == "hello"


def test_reload_behind_nginx_loses_no_request(site, upstream):
    with Load(site.address(upstream)) as load:
        for _ in range(2):
            mark = site.server.log.mark()
            load.wait_answers(50)
            site.server.signal(signal.SIGHUP)
            site.server.wait_line(lines.RELOAD_DONE, since=mark)
        load.wait_answers(50)
    assert not load.lost, load
    assert load.refused == 0, load


def test_django_behind_nginx(tmp_path, upstream):
    with (
        Site("django_site.wsgi", "-k", "sync", env=make_site(tmp_path)) as site,
        site.client(upstream) as client,
    ):
        assert client.get("/").text == "Django says hello"
        assert [client.get("/visits/").json()["visits"] for _ in range(4)] == [1, 2, 3, 4]
        answer = client.post("/upload/", files={"file": ("big.bin", BIG)})
        assert answer.json()["sha256"] == hashlib.sha256(BIG).hexdigest()
        assert len(client.get("/download/1000/").content) == 1000 * 16 * 1024


def test_nginx_takes_the_file_without_complaint(site, upstream):
    with site.client(upstream) as client:
        client.get("/")
    assert "[emerg]" not in site.nginx.log("error.log")
    assert "[warn]" not in site.nginx.log("error.log").replace('the "user" directive makes sense only', "")
