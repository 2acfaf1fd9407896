"""The table: every row is complete, and names what users of Gunicorn know."""

import re
from dataclasses import FrozenInstanceError, fields

import pytest

from pfork.config import GROUPS, ROWS, AppSettings, BindSettings, HttpSettings, Settings, TcpAddress, rows_of

# Setting, flags: as Gunicorn spells them, and pfork's own.
FLAGS = {
    "wsgi_app": (),
    "chdir": ("--chdir",),
    "pythonpath": ("--pythonpath",),
    "raw_env": ("-e", "--env"),
    "root_path": ("--root-path",),
    "asgi_lifespan": ("--asgi-lifespan",),
    "bind": ("-b", "--bind"),
    "backlog": ("--backlog",),
    "umask": ("-m", "--umask"),
    "workers": ("-w", "--workers"),
    "worker_class": ("-k", "--worker-class"),
    "threads": ("--threads",),
    "worker_connections": ("--worker-connections",),
    "timeout": ("-t", "--timeout"),
    "graceful_timeout": ("--graceful-timeout",),
    "boot_timeout": ("--boot-timeout",),
    "pidfile": ("-p", "--pid"),
    "proc_name": ("-n", "--name"),
    "user": ("-u", "--user"),
    "group": ("-g", "--group"),
    "keepalive": ("--keep-alive",),
    "header_timeout": ("--header-timeout",),
    "body_timeout": ("--body-timeout",),
    "send_timeout": ("--send-timeout",),
    "limit_request_line": ("--limit-request-line",),
    "limit_request_fields": ("--limit-request-fields",),
    "limit_request_field_size": ("--limit-request-field_size", "--limit-request-field-size"),
    "limit_request_body": ("--limit-request-body",),
    "errorlog": ("--error-logfile", "--log-file"),
    "loglevel": ("--log-level",),
    "accesslog": ("--access-logfile",),
    "access_log_format": ("--access-logformat",),
}


def test_the_flags_are_these():
    assert {name: row.flags for name, row in ROWS.items()} == FLAGS


def test_no_flag_belongs_to_two_settings():
    flags = [flag for row in ROWS.values() for flag in row.flags]
    assert sorted(flags) == sorted(set(flags))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_is_complete(row):
    assert re.fullmatch(r"[A-Z][^\n]*[^.]\.", row.help), "one sentence of help, which ends in a full stop"
    assert row.metavar, "a word for the value"
    assert row.applies in ("reload", "restart")
    assert row.group in GROUPS
    assert row.variable == f"PFORK_{row.name.upper()}"
    if isinstance(row.default, (int, float)) and row.name != "umask":
        assert row.unit, "a number is a number of something"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_default_keeps_its_own_rules_and_is_read_as_itself(row):
    value = row.read(row.kind.plain(row.default))
    assert value == row.default
    assert type(value) is type(row.default)


def test_the_groups_hold_all_rows_in_order():
    assert [row.name for group in GROUPS for row in rows_of(group)] == list(ROWS)
    assert list(GROUPS) == [group.name for group in fields(Settings)]


def test_a_group_made_of_nothing_has_the_defaults():
    assert AppSettings().asgi_lifespan == "auto"
    assert BindSettings().bind == (TcpAddress("127.0.0.1", 8000),)
    assert HttpSettings(limit_request_line=100).limit_request_fields == 100
    assert Settings().processes.workers == 1


def test_settings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Settings().processes.workers = 2
