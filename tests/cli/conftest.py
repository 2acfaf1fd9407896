"""Every test of the command starts in an empty directory, in an environment that sets nothing."""

import os

import pytest


@pytest.fixture(autouse=True)
def start_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for variable in os.environ:
        if variable.startswith("PFORK_") or variable in (
            "PWD",
            "PORT",
            "WEB_CONCURRENCY",
            "GUNICORN_CMD_ARGS",
        ):
            monkeypatch.delenv(variable)
    return tmp_path
