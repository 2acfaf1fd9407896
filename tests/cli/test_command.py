"""The command: what it asks for, what it says, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pfork
from pfork.base import (
    AppImportError,
    AppTargetError,
    BindError,
    BootError,
    ConfigError,
    Exit,
    KindError,
)
from pfork.cli.main import run
from pfork.config import TcpAddress

NO_APP = "pfork: error: no app is named\n  Say pfork app:app, or set wsgi_app in pfork.toml.\n"


class Bridge:
    """Stands for the server: remembers how it was called, and ends as it is told."""

    def __init__(self, ends_with=0):
        self.ends_with = ends_with
        self.loaded = self.reload = self.checked = None

    def serve(self, loaded, reload):
        self.loaded, self.reload = loaded, reload
        return self._end()

    def check_app(self, settings):
        self.checked = settings
        self._end()

    def _end(self):
        if isinstance(self.ends_with, Exception):
            raise self.ends_with
        return self.ends_with


def test_the_server_gets_the_settings_and_its_code_is_the_commands():
    bridge = Bridge(ends_with=7)
    assert run(["-w", "2", "--bind", ":1", "-b", ":2", "app:app", "-k", "thread", "--threads=3"], bridge) == 7
    settings = bridge.loaded.settings
    assert settings.app.wsgi_app == "app:app"
    assert settings.processes.workers == 2
    assert settings.processes.worker_class == "thread"
    assert settings.processes.threads == 3
    assert settings.binding.bind == (TcpAddress("0.0.0.0", 1), TcpAddress("0.0.0.0", 2))


def test_the_file_can_name_the_app(start_directory):
    (start_directory / "pfork.toml").write_text('app = "shop:app"')
    bridge = Bridge()
    assert run([], bridge) == 0
    assert bridge.loaded.settings.app.wsgi_app == "shop:app"


@pytest.mark.parametrize("argv", [[], ["-w", "2"], ["--check-config"]])
def test_no_app_is_a_wrong_use_and_the_answer_is_an_example(argv, capsys):
    assert run(argv, Bridge()) == Exit.USAGE
    assert capsys.readouterr().err == NO_APP


# The words, what is said.
MISUSE = {
    ("--wrokers", "4", "app:app"): "no such option --wrokers; did you mean --workers?",
    ("--zzz",): "no such option --zzz",
    ("-w",): "option '-w' requires an argument",
    ("--check-config=yes",): "option '--check-config' does not take a value",
}


@pytest.mark.parametrize("argv", MISUSE)
def test_a_wrong_command_line_is_told_in_one_line(argv, capsys):
    assert run(argv, Bridge()) == Exit.USAGE
    assert capsys.readouterr().err == f"pfork: error: {MISUSE[argv]}\n  See pfork --help.\n"


def test_each_problem_has_its_line_with_the_spelling_that_was_used(start_directory, monkeypatch, capsys):
    (start_directory / "pfork.toml").write_text("\nworkers = 0\n")
    monkeypatch.setenv("PFORK_THREADS", "x")
    bridge = Bridge()
    argv = ["-w0", "--log-file", "\0", "--limit-request-field-size=-1", "-t", "x", "app.py"]
    assert run(argv, bridge) == Exit.CONFIG
    assert capsys.readouterr().err == (
        "pfork: error: pfork.toml:2: workers = 0: must be at least 1\n"
        "pfork: error: PFORK_THREADS=x: must be a whole number, like 4\n"
        "pfork: error: app.py: must be a module, not a file; did you mean app:app?\n"
        "pfork: error: -w 0: must be at least 1\n"
        "pfork: error: -t x: must be a number of seconds, like 30 or 0.5\n"
        "pfork: error: --limit-request-field-size -1: must be at least 0\n"
        "pfork: error: --log-file \0: must not hold a NUL\n"
    )
    assert bridge.loaded is None


# How the server fails, the exit code, what is said.
FAILURES = {
    "bind": (
        BindError("127.0.0.1:80: permission denied", hint="Choose a port from 1024 on."),
        1,
        "pfork: error: 127.0.0.1:80: permission denied\n  Choose a port from 1024 on.\n",
    ),
    "settings": (ConfigError("one\ntwo"), 1, "pfork: error: one\npfork: error: two\n"),
    "kind": (KindError("an ASGI app"), 1, "pfork: error: an ASGI app\n"),
    "import": (AppImportError("Traceback:\nBoom"), 3, "pfork: error: Traceback:\nBoom\n"),
    "lifespan": (BootError("no database"), 3, "pfork: error: no database\n"),
    "attribute": (AppTargetError("no app in app"), 4, "pfork: error: no app in app\n"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_server_that_cannot_start_says_why_and_ends_with_its_code(case, capsys):
    error, code, text = FAILURES[case]
    assert run(["app:app"], Bridge(error)) == code
    assert capsys.readouterr().err == text


@pytest.mark.parametrize("case", FAILURES)
def test_a_check_answers_yes_or_no(case, capsys):
    error, _, text = FAILURES[case]
    bridge = Bridge(error)
    assert run(["--check-config", "app:app"], bridge) == 1
    assert capsys.readouterr().err == text
    assert bridge.checked.app.wsgi_app == "app:app"
    assert bridge.loaded is None


def test_a_check_without_findings_is_silent(capsys):
    bridge = Bridge()
    assert run(["--check-config", "app:app"], bridge) == 0
    assert tuple(capsys.readouterr()) == ("", "")
    assert bridge.checked is not None
    assert bridge.loaded is None


def test_a_check_tells_warnings(start_directory, capsys):
    (start_directory / "gunicorn.conf.py").write_text("workes = 4\n")
    assert run(["--check-config", "app:app"], Bridge()) == 0
    assert capsys.readouterr().err == (
        "pfork: warning: gunicorn.conf.py:1: workes: not a setting; did you mean workers?\n"
    )


def test_the_server_is_left_to_log_the_warnings(capsys):
    bridge = Bridge()
    assert run(["--preload", "app:app", "shop:app"], bridge) == 0
    assert bridge.loaded.warnings == (
        "--preload: ignored; pfork does not have this setting of Gunicorn yet",
        "shop:app: ignored; there can be one app, and it is app:app",
    )
    assert capsys.readouterr().err == ""


def test_printed_settings_need_no_app_and_start_nothing(capsys):
    bridge = Bridge()
    assert run(["--print-config", "-w", "3"], bridge) == 0
    out, err = capsys.readouterr()
    assert "workers = 3                      # -w\n" in out
    assert err == ""
    assert (bridge.loaded, bridge.checked) == (None, None)


def test_settings_can_be_printed_and_checked_at_once(capsys):
    bridge = Bridge()
    assert run(["--print-config", "--check-config", "app:app"], bridge) == 0
    assert 'wsgi_app = "app:app"' in capsys.readouterr().out
    assert bridge.checked is not None


def test_broken_settings_are_not_printed(capsys):
    assert run(["--print-config", "-w", "0"], Bridge()) == Exit.CONFIG
    assert tuple(capsys.readouterr()) == ("", "pfork: error: -w 0: must be at least 1\n")


def test_a_reload_reads_file_and_environment_again_with_the_same_flags(start_directory, monkeypatch):
    file = start_directory / "prod.toml"
    file.write_text("workers = 2\nthreads = 2\n")
    bridge = Bridge()
    run(["-c", "prod.toml", "--threads", "5", "app:app"], bridge)
    file.write_text("workers = 3\nthreads = 3\n")
    monkeypatch.setenv("PFORK_TIMEOUT", "7")
    processes = bridge.reload().settings.processes
    assert (processes.workers, processes.threads, processes.timeout) == (3, 5, 7.0)


def test_a_reload_raises_when_the_settings_are_broken(start_directory):
    bridge = Bridge()
    run(["app:app"], bridge)
    (start_directory / "pfork.toml").write_text("workers = [")
    with pytest.raises(ConfigError, match=r"^pfork.toml:1:12: "):
        bridge.reload()


def test_the_start_directory_keeps_the_symbolic_links_it_was_entered_by(start_directory, monkeypatch):
    (start_directory / "one").mkdir()
    (start_directory / "two").mkdir()
    link = start_directory / "current"
    link.symlink_to("one")
    monkeypatch.chdir(link)
    monkeypatch.setenv("PWD", str(link))
    bridge = Bridge()
    run(["app:app"], bridge)
    assert bridge.loaded.settings.app.chdir == str(link)
    link.unlink()
    link.symlink_to("two")
    (link / "pfork.toml").write_text("workers = 2")
    again = bridge.reload().settings
    assert again.app.chdir == str(link)
    assert again.processes.workers == 2, "the file of the new release was read"


@pytest.mark.parametrize("wrong", ["/", "relative", "/nowhere/at/all"])
def test_a_start_directory_that_is_another_one_does_not_count(start_directory, monkeypatch, wrong):
    monkeypatch.setenv("PWD", wrong)
    bridge = Bridge()
    run(["app:app"], bridge)
    assert bridge.loaded.settings.app.chdir == str(start_directory)


def test_a_start_directory_that_is_gone_is_told(start_directory, monkeypatch, capsys):
    gone = start_directory / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["app:app"], Bridge()) == Exit.CONFIG
    assert capsys.readouterr().err == (
        "pfork: error: the directory pfork was started in is gone\n  Start it in another one.\n"
    )


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version_is_one_line(flag, capsys):
    assert run([flag], Bridge()) == 0
    assert capsys.readouterr().out == f"pfork {pfork.__version__}\n"


def python(*words, cwd):
    """Run Python with the package under test, wherever it comes from."""
    environ = os.environ | {"PYTHONPATH": str(Path(pfork.__file__).parents[1])}
    command = [sys.executable, *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, env=environ, timeout=60)


@pytest.mark.slow
def test_python_m_pfork_is_the_command(start_directory):
    version = python("-m", "pfork", "--version", cwd=start_directory)
    assert (version.returncode, version.stdout) == (0, f"pfork {pfork.__version__}\n")
    misuse = python("-m", "pfork", cwd=start_directory)
    assert (misuse.returncode, misuse.stderr) == (2, NO_APP)


HEAVY = {"asyncio", "httptools", "rich", "tomllib", "difflib", "logging", "ssl", "psutil", "pfork.serve"}


@pytest.mark.slow
def test_settings_are_loaded_without_the_weight_of_other_things(start_directory):
    """The arbiter lives on in this process: what is imported here stays in memory for good."""
    (start_directory / "pfork.conf.py").write_text("workers = 2\n")
    script = "import sys; from pfork.cli.main import run; run(['--print-config']); print(*sys.modules)"
    done = python("-c", script, cwd=start_directory)
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) == set()
    assert "pfork.conf.py:1" in done.stdout
