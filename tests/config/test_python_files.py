"""Python files, with Gunicorn's names: run, read, and never able to do harm without being named."""

import sys

import pytest

from .loading import load_in, problems_in


def load_python(directory, text, **others):
    return load_in(directory, files={"gunicorn.conf.py": text, **others.pop("files", {})}, **others)


def problems_of(directory, text, **others):
    return problems_in(directory, files={"gunicorn.conf.py": text, **others.pop("files", {})}, **others)


def test_a_file_of_gunicorns_world_is_understood(tmp_path):
    text = """
import multiprocessing
import os

bind = "0.0.0.0:8000"
cores = multiprocessing.cpu_count()
workers = os.environ.get("NO_SUCH_VARIABLE", "3")  # a text, as int() would take it
worker_class = "gthread"
threads = 4
pidfile = None
accesslog = "-"
raw_env = ["A=1"]


def helper(port):
    return port
"""
    loaded = load_python(tmp_path, text)
    processes = loaded.settings.processes
    assert (processes.workers, processes.worker_class, processes.threads) == (3, "thread", 4)
    assert loaded.settings.app.raw_env == ("A=1",)
    assert str(loaded.origins["workers"]) == "gunicorn.conf.py:7"
    assert loaded.warnings == ()


# The file, what is said.
PROBLEMS = {
    "workers = 0": ["gunicorn.conf.py:1: workers = 0: must be at least 1"],
    "workers = 'x'": ['gunicorn.conf.py:1: workers = "x": must be a whole number, like 4'],
    "workers = 2.5": ["gunicorn.conf.py:1: workers = 2.5: must be a whole number, like 4"],
    "workers = None": ["gunicorn.conf.py:1: workers = None: must be a whole number, like 4"],
    "workers = 2\nif True:\n    workers = 0": ["gunicorn.conf.py:3: workers = 0: must be at least 1"],
    "workers, threads = 0, 0": [
        "gunicorn.conf.py:1: workers = 0: must be at least 1",
        "gunicorn.conf.py:1: threads = 0: must be at least 1",
    ],
    "globals()['workers'] = 0": ["gunicorn.conf.py: workers = 0: must be at least 1"],
    "from os import EX_OK as workers": ["gunicorn.conf.py:1: workers = 0: must be at least 1"],
    "\nworkers = )": ["gunicorn.conf.py:2:11: SyntaxError: unmatched ')'"],
    "workers = (": ["gunicorn.conf.py:1:11: SyntaxError: '(' was never closed"],
    "\nworkers = cpus()": ["gunicorn.conf.py:2: NameError: name 'cpus' is not defined"],
    "import nowhere": ["gunicorn.conf.py:1: ModuleNotFoundError: No module named 'nowhere'"],
    "raise ValueError": ["gunicorn.conf.py:1: ValueError"],
    "raise ValueError('one\\ntwo')": ["gunicorn.conf.py:1: ValueError: one"],
    "\nimport sys\nsys.exit(3)": ["gunicorn.conf.py:3: must not end the process; it called sys.exit(3)"],
    "def f():\n    raise KeyError(1)\n\n\nf()": ["gunicorn.conf.py:2: KeyError: 1"],
    "import base": ["gunicorn.conf.py:1: ZeroDivisionError: division by zero (in DIR/base.py:2)"],
    "import broken": ["gunicorn.conf.py:1: SyntaxError: invalid syntax (broken.py, line 1)"],
    "certfile = 'c.pem'": [
        "gunicorn.conf.py:1: certfile: pfork does not serve TLS yet; let a proxy in front of it do that"
    ],
    "daemon = True": ["gunicorn.conf.py:1: daemon: pfork stays in the foreground; let systemd run it, or nohup"],
    "proxy_protocol = True": [
        "gunicorn.conf.py:1: proxy_protocol: pfork does not read the PROXY protocol yet; let the proxy send plain HTTP"
    ],
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text):
    others = {"base.py": "\n1 / 0\n", "broken.py": "a b\n"}
    assert problems_of(tmp_path, text, files=others) == PROBLEMS[text]


NOT_YET = "ignored; pfork does not have this setting of Gunicorn yet"

WARNINGS = {
    "max_requests = 1000": [f"gunicorn.conf.py:1: max_requests: {NOT_YET}"],
    "preload_app = True": [f"gunicorn.conf.py:1: preload_app: {NOT_YET}"],
    "forwarded_allow_ips = '*'": [f"gunicorn.conf.py:1: forwarded_allow_ips: {NOT_YET}"],
    "def post_fork(server, worker): pass": ["gunicorn.conf.py:1: post_fork: ignored; pfork does not run hooks yet"],
    "from operator import add as child_exit": ["gunicorn.conf.py:1: child_exit: ignored; pfork does not run hooks yet"],
    "workes = 4": ["gunicorn.conf.py:1: workes: not a setting; did you mean workers?"],
    "log_level = 'info'": ["gunicorn.conf.py:1: log_level: not a setting; did you mean loglevel?"],
    # asks for nothing
    "max_requests = 0": [],
    "preload_app = False": [],
    "certfile = None": [],
    "proxy_protocol = 'off'": [],
    "worker_tmp_dir = '/dev/shm'": [],
    "control_socket_disable = True": [],
    "post_fork = None": [],
    # is somebody's own
    "max_workers = 4": [],
    "_workes = 4": [],
    "import threading as thread": [],
    "def worker(): pass": [],
    "app = object()": [],
}


@pytest.mark.parametrize("text", WARNINGS)
def test_what_is_left_out_is_named_and_what_asks_for_nothing_is_not(tmp_path, text):
    loaded = load_python(tmp_path, text)
    assert list(loaded.warnings) == WARNINGS[text]
    assert loaded.settings.app.wsgi_app is None


def test_a_file_can_import_its_neighbours_and_the_imports_do_not_last(tmp_path):
    files = {"neighbour.py": "count = 3\n", "package/module.py": "threads = 5\n"}
    text = "from neighbour import count as workers\nfrom package.module import threads\nimport json\n"
    before = list(sys.path)
    loaded = load_python(tmp_path, text, files=files)
    assert (loaded.settings.processes.workers, loaded.settings.processes.threads) == (3, 5)
    assert sys.path == before
    assert not {"neighbour", "package", "package.module", "__config__"} & sys.modules.keys()
    (tmp_path / "neighbour.py").write_text("count = 40\n")
    assert load_python(tmp_path, text).settings.processes.workers == 40


def test_what_is_installed_stays_imported(tmp_path):
    load_python(tmp_path, "import this_is_not_imported_yet\n", files={"this_is_not_imported_yet.py": "import wave"})
    assert "wave" in sys.modules
    assert "this_is_not_imported_yet" not in sys.modules


def test_a_file_may_change_the_import_path(tmp_path):
    text = f"import sys\nsys.path = [p for p in sys.path if p != {str(tmp_path)!r}]\nworkers = 2\n"
    before = list(sys.path)
    assert load_python(tmp_path, text).settings.processes.workers == 2
    assert sys.path == before


def test_a_file_knows_its_own_place(tmp_path):
    loaded = load_python(tmp_path, "proc_name = __file__\n")
    assert loaded.settings.processes.proc_name == f"{tmp_path}/gunicorn.conf.py"


def test_a_module_can_be_named(tmp_path):
    files = {
        "conf/__init__.py": "",
        "conf/base.py": "base = 2\n",
        "conf/prod.py": "from .base import base\nworkers = base + 1\nthreads = 0\n",
    }
    assert problems_in(tmp_path, files=files, config="python:conf.prod") == [
        "conf/prod.py:3: threads = 0: must be at least 1"
    ]
    (tmp_path / "conf/prod.py").write_text("from .base import base\nworkers = base + 1\n")
    loaded = load_in(tmp_path, config="python:conf.prod")
    assert loaded.settings.processes.workers == 3
    assert loaded.file == "python:conf.prod"
    assert str(loaded.origins["workers"]) == "conf/prod.py:2"
    assert "conf" not in sys.modules


MODULES = {
    "python:nowhere": "-c python:nowhere: no module named nowhere",
    "python:nowhere.at.all": "-c python:nowhere.at.all: no module named nowhere",
    "python:conf.nowhere": "-c python:conf.nowhere: no module named conf.nowhere",
    "python:bad.prod": "-c python:bad.prod: ZeroDivisionError: division by zero",
    "python:sys": "-c python:sys: must be a module with Python source, not a package",
}


@pytest.mark.parametrize("config", MODULES)
def test_a_module_that_is_not_there_is_an_error(tmp_path, config):
    files = {"conf/__init__.py": "", "bad/__init__.py": "1 / 0", "bad/prod.py": ""}
    assert problems_in(tmp_path, files=files, config=config) == [MODULES[config]]
