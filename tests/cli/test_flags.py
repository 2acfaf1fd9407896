"""Flags: each one reaches its setting, and the help shows them."""

import re

import click
import pytest

from pfork.cli.main import command, run
from pfork.config import ABSENT, GROUPS, ROWS

# The words, and the line of --print-config they make.
FLAGS = {
    "--chdir /": 'chdir = "/" # --chdir',
    "--pythonpath a,b": 'pythonpath = ["a", "b"] # --pythonpath',
    "-e A=1 --env B=2": 'raw_env = ["A=1", "B=2"] # -e',
    "--root-path /api": 'root_path = "/api" # --root-path',
    "--asgi-lifespan off": 'asgi_lifespan = "off" # --asgi-lifespan',
    "-b :1": 'bind = ["0.0.0.0:1"] # -b',
    "--bind :1 --bind unix:/s": 'bind = ["0.0.0.0:1", "unix:/s"] # --bind',
    "--backlog 64": "backlog = 64 # --backlog",
    "-m 022": "umask = 0o022 # -m",
    "--umask 0o022": "umask = 0o022 # --umask",
    "-w 3": "workers = 3 # -w",
    "-w3": "workers = 3 # -w",
    "--workers=3": "workers = 3 # --workers",
    "-w 2 -w 3": "workers = 3 # -w",
    "-k gthread": 'worker_class = "thread" # -k',
    "--worker-class asgi": 'worker_class = "async" # --worker-class',
    "--threads 3": "threads = 3 # --threads",
    "--worker-connections 3": "worker_connections = 3 # --worker-connections",
    "-t 3": "timeout = 3 # -t",
    "--timeout 0.25": "timeout = 0.25 # --timeout",
    "--graceful-timeout 3": "graceful_timeout = 3 # --graceful-timeout",
    "--boot-timeout 3": "boot_timeout = 3 # --boot-timeout",
    "-p run/pid": 'pidfile = "run/pid" # -p',
    "--pid run/pid": 'pidfile = "run/pid" # --pid',
    "-n shop": 'proc_name = "shop" # -n',
    "--name shop": 'proc_name = "shop" # --name',
    "-u root": 'user = "root" # -u',
    "--user 33": 'user = "33" # --user',
    "-g 0": 'group = "0" # -g',
    "--group 33": 'group = "33" # --group',
    "--keep-alive 3": "keepalive = 3 # --keep-alive",
    "--header-timeout 3": "header_timeout = 3 # --header-timeout",
    "--body-timeout 3": "body_timeout = 3 # --body-timeout",
    "--send-timeout 3": "send_timeout = 3 # --send-timeout",
    "--limit-request-line 0": "limit_request_line = 0 # --limit-request-line",
    "--limit-request-fields 3": "limit_request_fields = 3 # --limit-request-fields",
    "--limit-request-field_size 3": "limit_request_field_size = 3 # --limit-request-field_size",
    "--limit-request-field-size 3": "limit_request_field_size = 3 # --limit-request-field-size",
    "--limit-request-body 3": "limit_request_body = 3 # --limit-request-body",
    "--error-logfile e.log": 'errorlog = "e.log" # --error-logfile',
    "--log-file e.log": 'errorlog = "e.log" # --log-file',
    "--log-level DEBUG": 'loglevel = "debug" # --log-level',
    "--access-logfile -": 'accesslog = "-" # --access-logfile',
    "--access-logfile=": 'accesslog = "" # --access-logfile',
    "--access-logformat %(h)s": 'access_log_format = "%(h)s" # --access-logformat',
    "app:app": 'wsgi_app = "app:app" # command line',
}


def said(argv, capsys):
    code = run(argv)
    out, err = capsys.readouterr()
    return code, [re.sub(r"\s+", " ", line) for line in out.splitlines()], err.splitlines()


@pytest.mark.parametrize("words", FLAGS)
def test_a_flag_reaches_its_setting(words, capsys):
    code, lines, complaints = said(["--print-config", *words.split()], capsys)
    assert (code, complaints) == (0, [])
    assert FLAGS[words] in lines


def test_every_flag_is_in_the_table_above():
    listed = {word.partition("=")[0] for words in FLAGS for word in words.split() if word.startswith("-")}
    assert {flag for row in ROWS.values() for flag in row.flags} <= listed


# Words of a Gunicorn command line, and what is said about them.
NOT_YET = "ignored; pfork does not have this setting of Gunicorn yet"
ABSENT_FLAGS = {
    "--preload": [f"pfork: warning: --preload: {NOT_YET}"],
    "--max-requests 1000 --max-requests-jitter 50": [
        f"pfork: warning: --max-requests: {NOT_YET}",
        f"pfork: warning: --max-requests-jitter: {NOT_YET}",
    ],
    "--reload": [f"pfork: warning: --reload: {NOT_YET}"],
    "--forwarded-allow-ips=*": [f"pfork: warning: --forwarded-allow-ips: {NOT_YET}"],
    "--statsd-host localhost:8125": [f"pfork: warning: --statsd-host: {NOT_YET}"],
    "--max-requests 0": [],
    "--worker-tmp-dir /dev/shm": [],
    "--no-control-socket": [],
    "--protocol http": [],
    "-D": ["pfork: error: -D: pfork stays in the foreground; let systemd run it, or nohup"],
    "--daemon": ["pfork: error: --daemon: pfork stays in the foreground; let systemd run it, or nohup"],
    "--certfile c.pem --keyfile k.pem": [
        "pfork: error: --keyfile: pfork does not serve TLS yet; let a proxy in front of it do that",
        "pfork: error: --certfile: pfork does not serve TLS yet; let a proxy in front of it do that",
    ],
    "--proxy-protocol": [
        "pfork: error: --proxy-protocol: pfork does not read the PROXY protocol yet; let the proxy send plain HTTP"
    ],
    "--proxy-protocol off": [],
    "--paste prod.ini": [
        "pfork: error: --paste: pfork does not load Paste Deploy files; name the app as module:attribute"
    ],
}


@pytest.mark.parametrize("words", ABSENT_FLAGS)
def test_a_flag_of_gunicorn_alone_is_named_unless_it_asks_for_nothing(words, capsys):
    code, _, complaints = said(["--print-config", *words.split()], capsys)
    assert complaints == ABSENT_FLAGS[words]
    assert code == (1 if any("error" in line for line in complaints) else 0)


def test_no_flag_means_two_things():
    flags = [flag for option in command.params if isinstance(option, click.Option) for flag in option.opts]
    assert sorted(flags) == sorted(set(flags))


def test_gunicorns_flags_are_all_known():
    """Against the real Gunicorn."""
    from gunicorn import config

    gunicorns = {flag for setting in config.KNOWN_SETTINGS for flag in setting.cli or ()}
    ours = {flag for option in command.params if isinstance(option, click.Option) for flag in option.opts}
    assert gunicorns - ours == set()
    names = {setting.name for setting in config.KNOWN_SETTINGS}
    assert {name for name in ABSENT if name not in names} == set()


def test_the_help_groups_the_flags_and_shows_what_is_there(capsys):
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    titles = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert titles == [*GROUPS.values(), "Command"]
    shown = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))
    assert {flag for row in ROWS.values() for flag in row.flags} <= shown
    assert {"-c", "--config", "--check-config", "--print-config", "-v", "--version", "-h", "--help"} <= shown
    assert not {flag for absent in ABSENT.values() for flag in absent.flags} & shown
    assert max(map(len, text.splitlines())) <= 80


HELP_LINES = [
    "  -w, --workers N               Number of worker processes. [1]",
    "  --graceful-timeout SECONDS    How long a stopping worker may take to finish",
    "                                its requests. [30 s]",
    "  -h, --help                    Show this message and exit.",
]


@pytest.mark.parametrize("line", HELP_LINES)
def test_the_help_stands_in_one_column_with_the_defaults(line, capsys):
    run(["-h"])
    assert line in capsys.readouterr().out.splitlines()
