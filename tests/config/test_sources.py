"""Sources: which of them counts, and all their problems at once."""

import pytest

from pfork.config import TcpAddress

from .loading import load_in, problems_in

SOURCES = {
    "default": ({}, "default", 1),
    "platform": ({"environ": {"WEB_CONCURRENCY": "2"}}, "$WEB_CONCURRENCY", 2),
    "file": ({"files": {"pfork.toml": "\nworkers = 3"}}, "pfork.toml:2", 3),
    "environment": ({"environ": {"PFORK_WORKERS": "4"}}, "PFORK_WORKERS", 4),
    "flag": ({"flags": [("workers", "5", "-w")]}, "-w", 5),
}
WEAKEST_FIRST = list(SOURCES)


@pytest.mark.parametrize("strongest", WEAKEST_FIRST)
def test_a_source_overrides_all_weaker_ones(tmp_path, strongest):
    sources = {"environ": {}}
    for name in WEAKEST_FIRST[: WEAKEST_FIRST.index(strongest) + 1]:
        for key, value in SOURCES[name][0].items():
            sources[key] = sources["environ"] | value if key == "environ" else value
    loaded = load_in(tmp_path, **sources)
    _, place, workers = SOURCES[strongest]
    assert loaded.settings.processes.workers == workers
    assert str(loaded.origins["workers"]) == place
    assert str(loaded.origins["threads"]) == "default"


def test_a_list_replaces_the_weaker_list(tmp_path):
    loaded = load_in(
        tmp_path,
        files={"pfork.toml": 'bind = [":1", ":2"]'},
        flags=[("bind", ("127.0.0.1:3", "127.0.0.1:4"), "-b")],
    )
    assert loaded.settings.binding.bind == (TcpAddress("127.0.0.1", 3), TcpAddress("127.0.0.1", 4))


def test_port_is_where_a_platform_sends_requests_to(tmp_path):
    loaded = load_in(tmp_path, environ={"PORT": "5000"})
    assert loaded.settings.binding.bind == (TcpAddress("0.0.0.0", 5000),)
    assert str(loaded.origins["bind"]) == "$PORT"


@pytest.mark.parametrize("variable", ["PORT", "WEB_CONCURRENCY", "PFORK_WORKERS", "PFORK_CONFIG"])
def test_an_empty_variable_is_not_set(tmp_path, variable):
    loaded = load_in(tmp_path, environ={variable: ""})
    assert loaded.settings.processes.workers == 1
    assert str(loaded.origins["bind"]) == "default"


PLATFORM = {
    "PORT=tcp": "must be a port from 0 to 65535",
    "PORT=70000": "must be a port from 0 to 65535",
    "WEB_CONCURRENCY=auto": "must be a whole number, like 4",
    "WEB_CONCURRENCY=0": "must be at least 1",
}


@pytest.mark.parametrize("written", PLATFORM)
def test_a_platforms_variable_has_to_be_sound(tmp_path, written):
    assert problems_in(tmp_path, environ=dict([written.split("=")])) == [f"{written}: {PLATFORM[written]}"]


def test_a_platforms_variable_that_does_not_count_may_say_anything(tmp_path):
    loaded = load_in(tmp_path, environ={"WEB_CONCURRENCY": "auto"}, flags=[("workers", "2", "-w")])
    assert loaded.settings.processes.workers == 2


def test_all_problems_of_all_sources_are_told_at_once(tmp_path):
    assert problems_in(
        tmp_path,
        files={"pfork.toml": 'workers = 0\n\n# wrong, too\ntimeout = "x"\nthread = 3\n'},
        environ={"PFORK_BACKLOG": "many", "PFORK_WORKERS": "two"},
        flags=[
            ("wsgi_app", "app.py", ""),
            ("workers", "0", "-w"),
            ("loglevel", "loud", "--log-level"),
            ("raw_env", ("A=1", "B"), "-e"),
        ],
    ) == [
        "pfork.toml:1: workers = 0: must be at least 1",
        'pfork.toml:4: timeout = "x": must be a number of seconds, like 30 or 0.5',
        "pfork.toml:5: thread: unknown setting; did you mean threads?",
        "PFORK_BACKLOG=many: must be a whole number, like 4",
        "PFORK_WORKERS=two: must be a whole number, like 4",
        "app.py: must be a module, not a file; did you mean app:app?",
        "-w 0: must be at least 1",
        "--log-level loud: must be one of debug, info, warning, error, critical",
        "-e A=1 -e B: B: must be NAME=VALUE",
    ]


TEXTS = {
    "workers": ("0x10", 16),
    "timeout": ("1.5", 1.5),
    "umask": ("027", 0o027),
    "pythonpath": ("a,b", ("a", "b")),
    "accesslog": ("-", "-"),
    "worker_class": ("gthread", "thread"),
    "user": ("0", "0"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_variables_and_flags_are_read_from_text(tmp_path, name):
    text, value = TEXTS[name]
    for sources in ({"environ": {f"PFORK_{name.upper()}": text}}, {"flags": [(name, text, "--flag")]}):
        settings = load_in(tmp_path, **sources).settings
        groups = (settings.app, settings.binding, settings.processes, settings.logs)
        assert [getattr(group, name) for group in groups if hasattr(group, name)] == [value]


def test_a_flag_that_repeats_is_not_split(tmp_path):
    loaded = load_in(tmp_path, flags=[("raw_env", ("A=1,2", "B=3"), "-e")])
    assert loaded.settings.app.raw_env == ("A=1,2", "B=3")


WARNINGS = {
    "PFORK_WORKES": ["PFORK_WORKES: ignored; no setting has this variable; did you mean PFORK_WORKERS?"],
    "PFORK_ZZZ": ["PFORK_ZZZ: ignored; no setting has this variable"],
    "GUNICORN_CMD_ARGS": ["GUNICORN_CMD_ARGS: ignored; use PFORK_ variables, like PFORK_WORKERS=4"],
    "PFORK_SERVICE_HOST": [],
    "PFORK_PORT_8000_TCP_ADDR": [],
    "PFORK": [],
    "HOME": [],
}


@pytest.mark.parametrize("variable", WARNINGS)
def test_an_unknown_variable_is_warned_of_unless_it_is_somebody_elses(tmp_path, variable):
    assert list(load_in(tmp_path, environ={variable: "x"}).warnings) == WARNINGS[variable]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_threads_for_a_kind_that_has_none_are_warned_of(tmp_path, kind):
    loaded = load_in(tmp_path, files={"pfork.toml": f'threads = 4\nworker_class = "{kind}"'})
    assert loaded.warnings == (
        f"pfork.toml:1: threads = 4: ignored by {kind} workers; choose worker_class = thread to use them",
    )


@pytest.mark.parametrize("text", ["threads = 4", 'threads = 4\nworker_class = "thread"', 'worker_class = "sync"'])
def test_threads_that_fit_are_not_warned_of(tmp_path, text):
    assert load_in(tmp_path, files={"pfork.toml": text}).warnings == ()


def test_the_start_directory_is_written_in_full(tmp_path):
    (tmp_path / "site").mkdir()
    assert load_in(tmp_path).settings.app.chdir == str(tmp_path)
    assert load_in(tmp_path, flags=[("chdir", "site", "--chdir")]).settings.app.chdir == f"{tmp_path}/site"


def test_the_start_directory_keeps_its_symbolic_links(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "current").symlink_to("one")
    assert load_in(tmp_path / "current").settings.app.chdir == f"{tmp_path}/current"
