"""The sample files, and the settings as text."""

import re
from pathlib import Path

import pytest

from pfork.config import ROWS, describe, sample_toml

from .loading import load_in

CONF = Path(__file__).resolve().parents[2] / "conf"


def test_the_sample_file_is_the_table():
    assert (CONF / "pfork.toml").read_text() == sample_toml(), (
        'conf/pfork.toml is made from the table: python -c "from pfork.config import sample_toml; '
        'print(sample_toml(), end=str())" > conf/pfork.toml'
    )


def test_the_sample_file_changes_nothing(tmp_path):
    loaded = load_in(tmp_path, files={"pfork.toml": sample_toml()})
    assert loaded.settings == load_in(tmp_path, config="pfork.toml").settings
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}


def test_the_sample_file_holds_the_defaults(tmp_path):
    defaults = load_in(tmp_path).settings
    loaded = load_in(tmp_path, files={"pfork.toml": re.sub(r"(?m)^#(?=\w)", "", sample_toml())})
    assert {origin.source for origin in loaded.origins.values()} == {"file"}
    assert loaded.settings.app.chdir == f"{tmp_path}/."
    for group in ("binding", "processes", "http", "logs"):
        assert getattr(loaded.settings, group) == getattr(defaults, group)


def test_the_minimal_file_is_enough(tmp_path):
    loaded = load_in(tmp_path, files={"pfork.toml": (CONF / "minimal.toml").read_text()})
    assert loaded.settings.app.wsgi_app == "app:app"
    assert loaded.settings.processes.workers == 4
    assert loaded.warnings == ()


@pytest.mark.parametrize("name", ["pfork.conf.py", "gunicorn.conf.py"])
def test_the_python_file_loads(tmp_path, name):
    loaded = load_in(tmp_path, files={name: (CONF / "pfork.conf.py").read_text()})
    assert loaded.settings.app.wsgi_app == "app:app"
    assert loaded.settings.processes.workers >= 3
    assert loaded.warnings == ()


def test_described_settings_say_value_and_origin(tmp_path):
    loaded = load_in(
        tmp_path,
        files={"pfork.toml": 'workers = 3\nbind = ["127.0.0.1:1", "unix:/s"]\n'},
        environ={"PFORK_TIMEOUT": "5"},
        flags=[("wsgi_app", "app:app", ""), ("umask", "022", "-m")],
    )
    lines = describe(loaded).splitlines()
    for line in (
        'wsgi_app = "app:app"                  # command line',
        'bind = ["127.0.0.1:1", "unix:/s"]     # pfork.toml:2',
        "umask = 0o022                         # -m",
        "workers = 3                           # pfork.toml:1",
        "timeout = 5                           # PFORK_TIMEOUT",
        'accesslog = ""                        # default',
    ):
        assert line.replace(" ", "") in [one.replace(" ", "") for one in lines]
    columns = {line.index("  # ") for line in lines if "  # " in line and len(line) < 60}
    assert len({line.rindex("#") for line in lines if "default" in line and len(line) < 60}) == 1, columns
    named = [line.partition(" ")[0] for line in lines if line and not line.startswith("#")]
    assert named == list(ROWS)


def test_described_settings_can_be_loaded(tmp_path):
    loaded = load_in(tmp_path, flags=[("workers", "3", "-w"), ("accesslog", "-", "--access-logfile")])
    again = load_in(tmp_path, files={"pfork.toml": describe(loaded)})
    assert again.settings == loaded.settings
