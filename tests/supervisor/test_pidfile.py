"""The pidfile: the lock decides, not the number."""

import os

import pytest

from pfork.base import ConfigError
from pfork.supervisor.pidfile import Pidfile


def test_it_holds_the_pid_and_goes_with_the_server(tmp_path):
    path = tmp_path / "pid"
    pidfile = Pidfile(str(path))
    assert path.read_text() == f"{os.getpid()}\n"
    pidfile.remove()
    assert not path.exists()


def test_a_second_server_is_refused_with_the_pid_of_the_first(tmp_path):
    path = tmp_path / "pid"
    first = Pidfile(str(path))
    with pytest.raises(ConfigError, match=f"held by a running server \\(pid {os.getpid()}\\)"):
        Pidfile(str(path))
    first.remove()


def test_a_number_left_behind_keeps_nobody_away(tmp_path):
    path = tmp_path / "pid"
    path.write_text("1\n")  # alive, and nobody's server
    pidfile = Pidfile(str(path))
    assert path.read_text() == f"{os.getpid()}\n"
    pidfile.remove()


def test_a_file_of_another_server_is_left_alone(tmp_path):
    path = tmp_path / "pid"
    pidfile = Pidfile(str(path))
    path.unlink()
    path.write_text("77\n")
    pidfile.remove()
    assert path.read_text() == "77\n"


def test_a_path_that_cannot_be_written_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory") as caught:
        Pidfile(str(tmp_path / "missing" / "pid"))
    assert "--pid" in caught.value.hint
