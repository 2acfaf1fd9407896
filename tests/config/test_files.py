"""Which file is read, and how a TOML file is."""

import pytest

from .loading import load_in, problems_in

FOUND = {
    "pfork.toml": "workers = 11",
    "pyproject.toml": "[tool.pfork]\nworkers = 12",
    "pfork.conf.py": "workers = 13",
    "gunicorn.conf.py": "workers = 14",
}


@pytest.mark.parametrize("first", range(4))
def test_the_first_file_of_the_four_names_is_read_alone(tmp_path, first):
    names = list(FOUND)[first:]
    loaded = load_in(tmp_path, files={name: FOUND[name] for name in names})
    assert loaded.settings.processes.workers == 11 + first
    assert loaded.file == names[0]


def test_no_file_is_needed(tmp_path):
    assert load_in(tmp_path).file is None


@pytest.mark.parametrize("pyproject", ["", "[project]\nname = 'x'", "tool = 3", "[tool.other]\nworkers = 3"])
def test_a_pyproject_without_a_table_of_pfork_is_passed_over(tmp_path, pyproject):
    loaded = load_in(tmp_path, files={"pyproject.toml": pyproject, "gunicorn.conf.py": "workers = 14"})
    assert loaded.settings.processes.workers == 14


NAMED = {
    "conf/prod.toml": "workers = 3",
    "conf/pyproject.toml": "[tool.pfork]\nworkers = 3",
    "conf/prod.py": "workers = 3",
    "conf/prod.conf": "workers = 3",
}


@pytest.mark.parametrize("prefix", ["", "file:"])
@pytest.mark.parametrize("name", NAMED)
def test_a_named_file_is_read_instead(tmp_path, name, prefix):
    files = FOUND | {name: NAMED[name]}
    loaded = load_in(tmp_path, files=files, config=prefix + name, environ={"PFORK_CONFIG": "other.toml"})
    assert loaded.settings.processes.workers == 3
    assert loaded.file == name
    assert str(loaded.origins["workers"]).startswith(f"{name}:")


def test_a_variable_can_name_the_file(tmp_path):
    loaded = load_in(tmp_path, files={"prod.toml": "workers = 3"}, environ={"PFORK_CONFIG": "prod.toml"})
    assert loaded.settings.processes.workers == 3


def test_a_named_file_that_is_not_there_is_an_error(tmp_path):
    assert problems_in(tmp_path, config="prod.toml") == ["-c prod.toml: no such file (DIR/prod.toml)"]
    assert problems_in(tmp_path, config="file:prod.py") == ["-c file:prod.py: no such file (DIR/prod.py)"]
    assert problems_in(tmp_path, environ={"PFORK_CONFIG": "prod.py"}) == [
        "PFORK_CONFIG=prod.py: no such file (DIR/prod.py)"
    ]


def test_a_named_directory_is_an_error(tmp_path):
    (tmp_path / "conf").mkdir()
    assert problems_in(tmp_path, config="conf") == ["-c conf: must be a file, not a directory"]


def test_a_named_pyproject_needs_a_table_of_pfork(tmp_path):
    files = {"pyproject.toml": "[project]\nname = 'x'\n"}
    assert problems_in(tmp_path, files=files, config="pyproject.toml") == [
        "-c pyproject.toml: has no table [tool.pfork]"
    ]


# What is wrong, the file, what is said.
BROKEN = {
    "no value": ("workers = 4\nbind =\n", ["pfork.toml:2:7: Invalid value"]),
    "no equals sign": ("workers 4\n", ["pfork.toml:1:9: Expected '=' after a key in a key/value pair"]),
    "ends too early": ("workers = 4\nbind = [\n", ["pfork.toml:2:9: Invalid value, and the file ends"]),
    "key twice": ("workers = 4\nworkers = 5\n", ["pfork.toml:2:12: Cannot overwrite a value"]),
    "no UTF-8": (b"workers = 4\n# \xe9\n", ["pfork.toml:2: must be UTF-8; byte 0xe9 is not"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_toml_is_told_with_line_column_and_the_parsers_words(tmp_path, case):
    text, expected = BROKEN[case]
    assert problems_in(tmp_path, files={"pfork.toml": text}) == expected


# A file, what is said about its keys.
KEYS = {
    "wrokers = 2": ["pfork.toml:1: wrokers: unknown setting; did you mean workers?"],
    "zzz = 2": ["pfork.toml:1: zzz: unknown setting"],
    "log-level = 'info'": ["pfork.toml:1: log-level: unknown setting; did you mean loglevel?"],
    "access_logfile = '-'": ["pfork.toml:1: access_logfile: unknown setting; did you mean accesslog?"],
    "pid = 'x'": ["pfork.toml:1: pid: unknown setting; did you mean pidfile?"],
    "max_requests = 1": ["pfork.toml:1: max_requests: unknown setting; Gunicorn has it, pfork does not have it yet"],
    "app = 'a:b'\nwsgi_app = 'c:d'": ["pfork.toml:1: app: is wsgi_app by another name; leave one of them out"],
    "\n[http]\nkeepalive = 3": [
        "pfork.toml:2: [http]: settings have no sections; write them at the top of the file, like workers = 4"
    ],
    "[tool.pfork]\nworkers = 3": [
        "pfork.toml:1: [tool]: settings have no sections; write them at the top of the file, like workers = 4"
    ],
    "[zzz]\na = 3": ["pfork.toml:1: [zzz]: unknown setting"],
}


@pytest.mark.parametrize("text", KEYS)
def test_an_unknown_key_is_an_error_with_a_suggestion(tmp_path, text):
    assert problems_in(tmp_path, files={"pfork.toml": text}) == KEYS[text]


PYPROJECT = '''\
[project]
name = "site"
workers = 0
description = """
[tool.pfork]
workers = 0
"""

[[tool.other]]
workers = 0

[tool.pfork]  # ours
bind = [
    "127.0.0.1:1",  # "workers = 0"
    "127.0.0.1:x",
]
'workers' = 0
"threads"=0

[tool.pfork.http]
keepalive = 3

[tool.pfork_too]
timeout = "x"
'''


def test_lines_are_counted_in_the_table_of_pfork_alone(tmp_path):
    problems = problems_in(tmp_path, files={"pyproject.toml": PYPROJECT})
    assert [problem.partition(": ")[0] for problem in problems] == [
        "pyproject.toml:13",
        "pyproject.toml:17",
        "pyproject.toml:18",
        "pyproject.toml:20",
    ]
    assert problems[3].endswith("[http]: settings have no sections; write them below [tool.pfork], like workers = 4")


def test_a_value_without_a_line_of_its_own_is_told_with_its_file(tmp_path):
    files = {"pyproject.toml": "tool.pfork = {workers = 0}"}
    assert problems_in(tmp_path, files=files) == ["pyproject.toml: workers = 0: must be at least 1"]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "pfork.toml").symlink_to("/proc/self/mem")
    assert problems_in(tmp_path) == ["pfork.toml: Input/output error"]
