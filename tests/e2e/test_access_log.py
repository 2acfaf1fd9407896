"""The access log, as somebody reads it who runs the server."""

import os
import re

import pytest

from tests.e2e.kinds import every_kind
from tests.e2e.raw import RawClient

COMBINED = re.compile(
    r"^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<size>\d+|-) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"$'
)


@every_kind
def test_each_request_is_a_line_in_the_combined_format_on_stdout(server, args):
    one = server(*args, "--access-logfile", "-")
    with one.client(headers={"User-Agent": "probe/1", "Referer": "http://from.example/"}) as client:
        client.get("/number?n=42")
        client.post("/echo", content=b"12345678")
        client.get("/no-such-page")
        client.get("/raises")
    one.out.wait(r"/raises")
    found = [COMBINED.match(line) for line in one.out.lines]
    assert all(found), one.out.text
    assert [match.group("request", "status") for match in found] == [
        ("GET /number?n=42 HTTP/1.1", "200"),
        ("POST /echo HTTP/1.1", "200"),
        ("GET /no-such-page HTTP/1.1", "404"),
        ("GET /raises HTTP/1.1", "500"),
    ]
    assert [match["size"] for match in found[:2]] == ["2", "8"]
    assert {match.group("referer", "agent") for match in found} == {("http://from.example/", "probe/1")}


@every_kind
def test_format_can_be_chosen(server, args):
    form = "m=%(m)s U=%(U)s q=%(q)s H=%(H)s s=%(s)s B=%(B)s p=%(p)s D=%(D)s in=%({x-in}i)s out=%({content-type}o)s"
    one = server(*args, "-w", "1", "--access-logfile", "-", "--access-logformat", form)
    with one.client() as client:
        client.get("/number?n=7", headers={"X-In": "seen"})
    line = one.out.wait(r"^m=.*$")[0]
    worker = one.workers()[1]
    expected = rf"m=GET U=/number q=n=7 H=HTTP/1\.1 s=200 B=1 p=<?{worker}>? D=\d+ in=seen out=text/plain"
    assert re.fullmatch(expected, line), line


@every_kind
def test_client_cannot_forge_a_line(server, args):
    one = server(*args, "--access-logfile", "-")
    with one.raw() as client:
        client.send(b'GET /"\x7f%0a HTTP/1.1\r\nHost: test\r\nUser-Agent: a" 200 - "\\\r\n\r\n')
        client.answer()
    one.get("/number?n=1")
    one.out.wait(r"/number")
    assert all(COMBINED.match(line.replace('\\"', "'")) for line in one.out.lines), one.out.text


@pytest.mark.parametrize("args", [(), ("--access-logfile", "")], ids=["by default", "when it is empty"])
def test_there_is_no_access_log_unless_it_is_asked_for(server, args):
    one = server("wsgi_probe:app", *args)
    one.get("/")
    one.stop()
    assert one.out.text == ""


@every_kind
def test_every_request_is_logged_when_the_server_has_stopped(server, args):
    one = server(*args, "-w", "2", "--access-logfile", "access.log")
    with one.client() as client:
        for number in range(100):
            client.get(f"/number?n={number}")
    access = one.cwd / "access.log"
    assert one.stop() == 0
    text = access.read_text()
    assert [len(re.findall(rf"/number\?n={number} ", text)) for number in range(100)] == [1] * 100


@every_kind
def test_identity_of_a_worker_stands_in_its_error_lines(server, args):
    one = server(*args, "-w", "1")
    one.get("/raises")
    worker = one.workers()[1]
    one.wait_line(rf"\[{worker}\] \[ERROR\] worker=1 gen=1 pid={worker} .*")


CLOSED = {"stderr": "2>&-", "both": "1>&- 2>&-", "all three": "0>&- 1>&- 2>&-", "full disk": ">/dev/full 2>&1"}


def is_serving(path):
    """Whether requests are answered, also those that write to the error log."""
    with RawClient(path) as client:
        for _ in range(3):
            assert client.get("/number?n=1").answer().body == b"1"
            assert client.get("/raises").answer().status == 500
    return True


def told(args, gate, redirections):
    """What starts a server whose app tells that it runs: its log cannot."""
    target, *options = args
    module = target.partition(":")[0]
    source = f"import os\nimport gates\nfrom {module} import app\ngates.tell(os.environ['GATE'], 'imported')\n"
    return ("told:app", *options, "--access-logfile", "-"), {
        "files": {"told.py": source},
        "env": {"GATE": gate.path},
        "prefix": ("sh", "-c", f'exec "$@" {redirections}', "sh"),
        "wait": False,
    }


@every_kind
@pytest.mark.parametrize("redirections", CLOSED.values(), ids=CLOSED)
def test_logs_that_cannot_be_written_do_not_stop_the_server(server, gate, unix_path, args, redirections):
    words, options = told(args, gate, redirections)
    one = server(*words, bind=[f"unix:{unix_path}"], **options)
    gate.wait()
    assert is_serving(unix_path)
    assert one.stop() == 0


@every_kind
@pytest.mark.parametrize("leaves", [True, False], ids=["goes", "stops reading"])
def test_reader_of_the_logs_that_is_gone_or_sleeps_does_not_stop_the_server(
    server, gate, unix_path, tmp_path, args, leaves
):
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        words, options = told(args, gate, f">{fifo} 2>&1")
        one = server(*words, bind=[f"unix:{unix_path}"], **options)
        gate.wait()
        if leaves:
            os.close(reader)
        with RawClient(unix_path) as client:
            for _ in range(1500):  # lines that fill a pipe of 64 KiB
                assert client.get("/number?n=1").answer().body == b"1"
        assert is_serving(unix_path)
        assert one.stop() == 0
    finally:
        if not leaves:
            os.close(reader)
