"""A first boot that fails: one clear message, the right exit code, no process left behind."""

import os
import shutil
import socket

import pytest

from tests.e2e import lines
from tests.e2e.harness import Server, run

PORT = ("127.0.0.1:0",)
PLAIN = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n"
NO_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
"""Root without a capability is held to file modes and port numbers like anybody else."""

needs_no_privileges = pytest.mark.skipif(
    bool(NO_PRIVILEGES) and shutil.which("setpriv") is None, reason="root needs setpriv (util-linux) for this"
)

# What is wrong, its files, the target, the exit code, what must be said.
APPS = {
    "missing module": ({}, "no_such_module:app", 3, ["no module named 'no_such_module'"]),
    "mistyped module": ({"website.py": PLAIN}, "websit:app", 3, ["websit", "did you mean 'website:app'"]),
    "module that imports what is missing": (
        {"site.py": "", "shop.py": "import no_such_dependency\n"},
        "shop:app",
        3,
        ["no_such_dependency", 'shop.py", line 1'],
    ),
    "syntax error": ({"shop.py": "def app(:\n"}, "shop:app", 3, ["SyntaxError", 'shop.py", line 1']),
    "raises at import": ({"shop.py": "1 / 0\n"}, "shop:app", 3, ["ZeroDivisionError", 'shop.py", line 1']),
    "sys.exit at import": ({"shop.py": "import sys\nsys.exit(0)\n"}, "shop:app", 3, ["sys.exit"]),
    "os._exit at import": (
        {"shop.py": "import os\nos._exit(0)\n"},
        "shop:app",
        3,
        ["ended while it started"],
    ),
    "attribute missing": ({"shop.py": PLAIN}, "shop:create", 4, ["no attribute 'create'", "'shop:app'"]),
    "attribute mistyped": ({"shop.py": PLAIN}, "shop:aap", 4, ["'aap'", "did you mean 'shop:app'"]),
    "neither application nor app": ({"shop.py": "x = 1\n"}, "shop", 4, ["'application'", "'app'"]),
    "attribute not callable": (
        {"shop.py": "app = 7\n"},
        "shop:app",
        4,
        ["shop:app", "int", "not a callable"],
    ),
    "factory that raises": ({"shop.py": "def make():\n    1 / 0\n"}, "shop:make()", 3, ["ZeroDivisionError"]),
    "factory without an app": (
        {"shop.py": "def make():\n    pass\n"},
        "shop:make()",
        4,
        ["None", "callable"],
    ),
    "lifespan fails": ({}, "lifespan_probe:fails", 3, ["no database today"]),
}


@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize(("files", "target", "code", "words"), APPS.values(), ids=APPS)
def test_app_that_cannot_boot(files, target, code, words, workers):
    result = run(target, "-w", workers, files=files, bind=PORT)
    assert result.code == code, result
    for word in words:
        assert word in result.err, result
    assert result.err.count(lines.TRACEBACK) <= 1, result
    assert "pfork/workers/" not in result.err, "only the app's own frames are shown"


def test_lifespan_that_raises_is_fatal_only_when_it_is_asked_for(server):
    result = run("lifespan_probe:raises", "--asgi-lifespan", "on", bind=PORT)
    assert result.code == 3, result
    assert "the lifespan raised" in result.err
    one = server("lifespan_probe:raises")
    assert one.get("/").text == "no lifespan"


def test_exactly_one_traceback_is_printed_by_four_workers():
    result = run("shop:app", "-w", "4", files={"shop.py": "1 / 0\n"}, bind=PORT)
    assert result.code == 3, result
    assert result.err.count(lines.TRACEBACK) == 1, result
    assert result.err.count("ZeroDivisionError: division by zero") <= 2, result  # in the message and in the traceback


@pytest.mark.slow
def test_app_that_hangs_at_import_is_shown_where(gate):
    files = {"hanging.py": "import os\nimport gates\n\ngates.hold(os.environ['GATE'])\n"}
    options = {"files": files, "env": {"GATE": gate.path}, "wait": False}
    with Server("hanging:app", "--boot-timeout", "1", "-w", "2", **options) as one:
        assert one.wait_exit() == 3
        one.wait_line(lines.BOOT_TIMEOUT)
        stack = one.log.all(lines.STACK_FRAME)
        assert any(match["file"].endswith("hanging.py") and match["line"] == "4" for match in stack), one.log.text


def test_port_in_use_names_the_address_and_who_holds_it():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        result = run("wsgi_probe:app", bind=[f"127.0.0.1:{port}"])
    assert result.code == 1, result
    assert f"127.0.0.1:{port}" in result.err
    assert f"pid {os.getpid()}" in result.err
    assert lines.TRACEBACK not in result.err


def test_all_addresses_or_none_are_bound(unix_path):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        result = run("wsgi_probe:app", bind=[f"unix:{unix_path}", f"127.0.0.1:{holder.getsockname()[1]}"])
    assert result.code == 1, result
    assert not os.path.exists(unix_path)


@needs_no_privileges
def test_privileged_port_is_refused_with_a_remedy():
    least = int(_read("/proc/sys/net/ipv4/ip_unprivileged_port_start", default="1024"))
    if least <= 81:
        pytest.skip("this system lets everybody bind every port")
    result = run("wsgi_probe:app", bind=["127.0.0.1:81"], prefix=NO_PRIVILEGES)
    assert result.code == 1, result
    assert "127.0.0.1:81" in result.err
    assert str(least) in result.err, "the message says from where on ports are free"


@needs_no_privileges
def test_unwritable_unix_socket_directory_is_named(tmp_path):
    directory = tmp_path / "closed"
    directory.mkdir(mode=0o555)
    result = run("wsgi_probe:app", bind=[f"unix:{directory}/sock"], prefix=NO_PRIVILEGES)
    assert result.code == 1, result
    assert str(directory) in result.err
    assert "ermission" in result.err or "writ" in result.err


def test_missing_unix_socket_directory_is_named(tmp_path):
    result = run("wsgi_probe:app", bind=[f"unix:{tmp_path}/missing/sock"])
    assert result.code == 1, result
    assert f"{tmp_path}/missing" in result.err


def test_stale_unix_socket_file_is_replaced(server, unix_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(unix_path)  # closed without unlinking: nobody answers there
    one = server("wsgi_probe:app", bind=[f"unix:{unix_path}"])
    assert one.get("/").text == "hello"


def test_unix_socket_that_is_alive_is_left_alone(gate):
    result = run("wsgi_probe:app", bind=[f"unix:{gate.path}"])
    assert result.code == 1, result
    assert gate.path in result.err
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(gate.path)  # the gate still listens


def test_file_that_is_no_socket_is_not_removed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("data")
    result = run("wsgi_probe:app", bind=[f"unix:{precious}"])
    assert result.code == 1, result
    assert precious.read_text() == "data"


# What is wrong with the settings, the arguments, pfork.toml, the exit code, what must be said.
SETTINGS = {
    "broken TOML": ((), 'workers = 2\nbind = "unfinished\n', 1, ["pfork.toml:2"]),
    "wrong type": ((), 'workers = "two"\n', 1, ["pfork.toml:1", "workers", "whole number"]),
    "unknown key": ((), "wrokers = 2\n", 1, ["pfork.toml:1", "wrokers", "did you mean", "workers"]),
    "zero workers": ((), "workers = 0\n", 1, ["pfork.toml:1", "workers = 0", "at least 1"]),
    "zero workers by flag": (("-w", "0"), None, 1, ["-w 0", "at least 1"]),
    "several at once": (
        ("-k", "snc"),
        'workers = 0\n\nwrokers = 2\nbind = "nonsense:port"\n',
        1,
        ["pfork.toml:1", "pfork.toml:3", "pfork.toml:4", "-k snc", "did you mean sync"],
    ),
    "missing file": (("-c", "no-such.toml"), None, 1, ["no-such.toml"]),
    "unknown flag": (("--wrokers", "2"), None, 2, ["--wrokers"]),
    "flag without its value": (("--workers",), None, 2, ["--workers"]),
    "unwritable access log": (("--access-logfile", "/no/such/dir/log"), None, 1, ["/no/such/dir/log"]),
    "unwritable error log": (("--error-logfile", "/no/such/dir/log"), None, 1, ["/no/such/dir/log"]),
    "unknown atom": (("--access-logfile", "-", "--access-logformat", "%(nonsense)s"), None, 1, ["nonsense"]),
    "file instead of a module": (("shop.py",), None, 1, ["shop.py", "did you mean shop:app"]),
    "missing chdir": (("--chdir", "/no/such/dir"), None, 1, ["/no/such/dir"]),
    "unknown user": (("--user", "nobody-of-this-name"), None, 1, ["nobody-of-this-name"]),
}


@pytest.mark.parametrize(("args", "toml", "code", "words"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_are_wrong(args, toml, code, words):
    files = {} if toml is None else {"pfork.toml": toml}
    target = () if any(arg.endswith(".py") for arg in args) else ("wsgi_probe:app",)
    result = run(*target, *args, files=files, bind=PORT)
    assert result.code == code, result
    for word in words:
        assert word in result.err, result
    assert lines.TRACEBACK not in result.err, result


def test_no_app_at_all_says_how_to_name_one():
    result = run(bind=PORT)
    assert result.code in (1, 2), result
    assert "app" in result.err.lower()
    assert lines.TRACEBACK not in result.err


def test_worker_number_that_is_no_number_is_an_error():
    result = run("wsgi_probe:app", "-w", "two", bind=PORT)
    assert result.code in (1, 2), result  # Gunicorn's is 2; as a setting's value it is 1
    assert "-w" in result.err


def _read(path, *, default):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return default
