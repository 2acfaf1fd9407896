"""Every file in conf/ is used by a test: these boot it, test_nginx.py puts nginx.conf to work."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.e2e import lines
from tests.e2e.harness import PATIENCE_S, ROOT, TESTS, run
from tests.e2e.raw import RawClient
from tests.e2e.systemd import Systemd, reason_to_skip

CONF = ROOT / "conf"
UNIT = CONF / "systemd" / "pfork.service"
SETTINGS = sorted(path for path in CONF.glob("*") if path.suffix in (".toml", ".py"))
TESTED_ELSEWHERE = {"nginx.conf", "README.md"}


def test_every_file_in_conf_has_its_test():
    files = {path.name for path in CONF.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert files == TESTED_ELSEWHERE | {path.name for path in SETTINGS} | {UNIT.name}
    assert {path.suffix for path in SETTINGS} == {".toml", ".py"}


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.name)
def test_settings_file_is_sound_as_it_is(path, tmp_path):
    result = run("--check-config", "-c", str(path), "wsgi_probe:app")
    assert result.code == 0, result
    assert "ignored" not in result.err, result


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.name)
def test_settings_file_boots_a_server(server, path):
    one = server("-c", str(path), "wsgi_probe:app")
    assert one.get("/").text == "hello"
    assert not one.log.all(r"\[WARNING\]")
    assert one.stop() == 0


def test_toml_sample_names_every_setting_with_its_default():
    """The sample is a reference: each setting stands in it, live or as a comment, and says what holds without it."""
    text = (CONF / "pfork.toml").read_text()
    printed = run("--print-config", "wsgi_probe:app").out
    names = {match[1] for match in re.finditer(r"^\s*([a-z_]+)\s*[=:]", printed, re.MULTILINE)}
    assert len(names) > 20, printed
    missing = [name for name in sorted(names) if not re.search(rf"^#?\s*{name}\s*=", text, re.MULTILINE)]
    assert not missing


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and not os.environ.get("CI"),
    reason="needs systemd-analyze (Debian: systemd)",
)
def test_unit_has_no_mistake_that_systemd_can_find(tmp_path):
    command = re.search(r"^ExecStart=(\S+)", UNIT.read_text(), re.MULTILINE)[1]
    unit = tmp_path / "pfork.service"
    unit.write_text(UNIT.read_text().replace(command, sys.executable))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    ours = [line for line in verified.stderr.splitlines() if "pfork.service" in line]
    assert verified.returncode == 0, verified.stderr
    assert not ours, "\n".join(ours)


# What the manager of one user may not do: be another user, and most of the walls around the service.
_SYSTEM_ONLY = re.compile(
    r"^(User|Group|NoNewPrivileges|CapabilityBoundingSet|Protect\w+|Private\w+|Restrict(?!Prevent)\w*|Lock\w+|SystemCall\w+"
    r"|OOMPolicy|LimitNOFILE)=.*\n",
    re.MULTILINE,
)


def test_unit_starts_reloads_and_stops_under_a_real_systemd(tmp_path):
    if reason := reason_to_skip():
        pytest.skip(reason)
    text, removed = _SYSTEM_ONLY.subn("", UNIT.read_text())
    assert removed
    command = re.search(r"^ExecStart=(\S+) (.*)$", text, re.MULTILINE)
    arguments = command[2].replace("/run/pfork", "%t/pfork").replace("app:app", "wsgi_probe:app")
    text = text.replace(command[0], f"ExecStart={sys.executable} -m pfork {arguments} --error-logfile {tmp_path}/log")
    text = re.sub(r"^WorkingDirectory=.*$", f"WorkingDirectory={tmp_path}", text, flags=re.MULTILINE)
    path = f"PYTHONPATH={ROOT / 'src'}:{TESTS / 'apps'}"
    text = text.replace("[Service]\n", f'[Service]\nEnvironment="{path}"\n')
    with Systemd() as systemd:
        (systemd.units / "pfork.service").write_text(text)
        started = systemd.control("start", "pfork")
        assert started.returncode == 0, started.stderr
        socket_path = str(systemd.runtime / "pfork" / "pfork.sock")
        with Log(tmp_path / "log") as log:
            log.wait(lines.READY)
            with RawClient(socket_path) as client:
                assert client.get("/").answer().body == b"hello"
            reloaded = systemd.control("reload", "pfork")
            assert reloaded.returncode == 0, reloaded.stderr
            log.wait(lines.RELOAD_DONE)
            with RawClient(socket_path) as client:
                assert client.get("/").answer().body == b"hello"
            assert systemd.property("pfork", "ActiveState") == "active"
            assert systemd.property("pfork", "NRestarts") == "0"
            stopped = systemd.control("stop", "pfork")
            assert stopped.returncode == 0, stopped.stderr
            log.wait(lines.STOPPED)
        assert systemd.property("pfork", "Result") == "success"
        assert systemd.property("pfork", "ActiveState") == "inactive"
        assert not os.path.exists(socket_path)


class Log:
    """A log file that another program writes; ``tail -F`` brings its lines as they come, from its beginning."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        from tests.e2e.harness import Transcript

        self._tail = subprocess.Popen(
            ["tail", "-n", "+1", "-F", str(self._path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._transcript = Transcript(self._tail.stdout)
        return self

    def __exit__(self, *exc_info):
        self._tail.kill()
        self._tail.wait()
        self._transcript.wait_end()

    def wait(self, pattern):
        return self._transcript.wait(pattern, timeout=PATIENCE_S)
