"""Where settings come from, through the real command: defaults < file < environment < flags."""

import pytest

from tests.e2e import lines
from tests.e2e.harness import run

APP = "wsgi_probe:app"
FILES = {
    "pfork.toml": "workers = 2\n",
    "pyproject.toml": "[tool.pfork]\nworkers = 2\n",
    "pfork.conf.py": "workers = 1 + 1\n",
    "gunicorn.conf.py": "import os\nworkers = len(os.sep) + 1\n",
}


def value_of(result, name):
    """The value and the origin that --print-config tells of a setting."""
    assert result.code == 0, result
    found = [line for line in result.out.splitlines() if line.split("=")[0].split(":")[0].strip() == name]
    assert len(found) == 1, result
    return found[0]


@pytest.mark.parametrize(("name", "text"), FILES.items(), ids=FILES)
def test_file_in_the_current_directory_is_read(server, name, text):
    one = server(APP, files={name: text})
    assert one.wait_line(lines.READY)["workers"] == "2"


@pytest.mark.parametrize(("name", "text"), FILES.items(), ids=FILES)
def test_named_file_is_read(server, name, text):
    one = server(APP, "-c", f"etc/{name}", files={f"etc/{name}": text, "pfork.toml": "workers = 3\n"})
    assert one.wait_line(lines.READY)["workers"] == "2"


# File, environment, arguments; how many workers there are then.
PRECEDENCE = {
    "default": (None, {}, (), "1"),
    "platform variable": (None, {"WEB_CONCURRENCY": "2"}, (), "2"),
    "file over platform variable": ("workers = 3\n", {"WEB_CONCURRENCY": "2"}, (), "3"),
    "variable over file": ("workers = 3\n", {"PFORK_WORKERS": "4"}, (), "4"),
    "flag over variable": ("workers = 3\n", {"PFORK_WORKERS": "4"}, ("-w", "2"), "2"),
}


@pytest.mark.parametrize(("toml", "env", "args", "workers"), PRECEDENCE.values(), ids=PRECEDENCE)
def test_stronger_source_wins(server, toml, env, args, workers):
    one = server(APP, *args, env=env, files={} if toml is None else {"pfork.toml": toml})
    assert one.wait_line(lines.READY)["workers"] == workers
    assert len(one.workers()) == int(workers)


def test_app_may_stand_in_the_file(server):
    one = server(files={"pfork.toml": f'app = "{APP}"\n'})
    assert one.get("/").text == "hello"


def test_command_line_wins_over_the_app_in_the_file(server):
    one = server("wsgi_probe:create_app('other')", files={"pfork.toml": f'app = "{APP}"\n'})
    assert one.get("/").text == "other"


def test_port_variable_of_platforms_sets_the_address():
    result = run("--print-config", APP, env={"PORT": "5001"})
    assert "0.0.0.0:5001" in value_of(result, "bind")
    assert "PORT" in value_of(result, "bind")


ORIGINS = {
    "default": (None, {}, (), "1", "default"),
    "file": ("\nworkers = 3\n", {}, (), "3", "pfork.toml:2"),
    "variable": (None, {"PFORK_WORKERS": "4"}, (), "4", "PFORK_WORKERS"),
    "flag": (None, {}, ("-w", "5"), "5", "-w"),
}


@pytest.mark.parametrize(("toml", "env", "args", "value", "origin"), ORIGINS.values(), ids=ORIGINS)
def test_print_config_shows_value_and_origin(toml, env, args, value, origin):
    result = run("--print-config", APP, *args, env=env, files={} if toml is None else {"pfork.toml": toml})
    line = value_of(result, "workers")
    assert value in line
    assert origin in line


def test_print_config_names_every_setting():
    result = run("--print-config", APP)
    for name in (
        "bind",
        "workers",
        "worker_class",
        "threads",
        "timeout",
        "boot_timeout",
        "accesslog",
        "limit_request_body",
    ):
        value_of(result, name)


# Target, files, exit code, what must be said.
CHECKS = {
    "all is well, WSGI": ("wsgi_probe:app", {}, 0, []),
    "all is well, ASGI": ("asgi_probe:app", {}, 0, []),
    "broken settings": ("wsgi_probe:app", {"pfork.toml": "workers = 0\n"}, 1, ["pfork.toml:1", "at least 1"]),
    "missing module": ("no_such_module:app", {}, 1, ["no_such_module"]),
    "app that raises": ("shop:app", {"shop.py": "1 / 0\n"}, 1, ["ZeroDivisionError"]),
    "attribute missing": ("wsgi_probe:ap", {}, 1, ["wsgi_probe:app"]),
    "not callable": ("wsgi_probe:not_callable", {}, 1, ["dict"]),
    "kind that does not fit": ("wsgi_probe:app", {"pfork.toml": 'worker_class = "async"\n'}, 1, ["sync"]),
}


@pytest.mark.parametrize(("target", "files", "code", "words"), CHECKS.values(), ids=CHECKS)
def test_check_config_loads_settings_and_app(target, files, code, words):
    result = run("--check-config", target, files=files)
    assert result.code == code, result
    for word in words:
        assert word in result.err, result
    assert not words or result.err.count(lines.TRACEBACK) <= 1


def test_check_config_binds_nothing(server):
    one = server(APP)
    result = run("--check-config", APP, bind=[f"127.0.0.1:{one.address[1]}"])
    assert result.code == 0, result


def test_environment_for_the_app_is_set_before_it_is_imported(server):
    app = "import os\nfrom wsgi_probe import create_app\napp = create_app(os.environ['GREETING'])\n"
    one = server("shop:app", "-e", "GREETING=good day", files={"shop.py": app})
    assert one.get("/").text == "good day"


def test_chdir_and_pythonpath_say_where_the_app_is(server):
    files = {
        "site/shop.py": "from greeting import text\nfrom wsgi_probe import create_app\napp = create_app(text)\n",
        "lib/greeting.py": "import os\ntext = os.path.basename(os.getcwd())\n",
    }
    one = server("shop:app", "--chdir", "site", "--pythonpath", "../lib", files=files)
    assert one.get("/").text == "site"


def test_gunicorn_settings_that_pfork_lacks_are_named_and_do_not_stop_it(server):
    text = "workers = 1\nmax_requests = 1000\npreload_app = True\ndef post_fork(server, worker): pass\n"
    one = server(APP, "-c", "gunicorn.conf.py", files={"gunicorn.conf.py": text})
    for name in ("max_requests", "preload_app", "post_fork"):
        one.wait_line(rf"gunicorn\.conf\.py.*{name}")
    assert one.get("/").text == "hello"
