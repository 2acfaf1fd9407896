"""Values: what each setting takes, and the whole message for what it does not."""

import pytest

from pfork.config import FdAddress, TcpAddress, UnixAddress

from .loading import load_in, problems_in

WHOLE = "must be a whole number, like 4"
SECONDS = "must be a number of seconds, like 30 or 0.5"
TEXT = 'must be a text, like "name"'
TEXTS = 'must be a text or a list of texts, like ["one", "two"]'
MASK = "must be a file mode mask from 0 to 0o777, like 0o022"
KINDS = "must be one of auto, sync, thread, async"
GREENLETS = "pfork has no worker with greenlets; thread serves many connections at once too"

# A line of pfork.toml, and what is said about it.
WRONG = {
    "workers = 0": "must be at least 1",
    "workers = -1": "must be at least 1",
    "workers = 4097": "must be at most 4096",
    'workers = "four"': WHOLE,
    'workers = "4"': WHOLE,
    "workers = true": WHOLE,
    "workers = 4.0": WHOLE,
    "workers = [4]": WHOLE,
    "workers = {n = 4}": WHOLE,
    "threads = 0": "must be at least 1",
    "worker_connections = 0": "must be at least 1",
    "backlog = 0": "must be at least 1",
    "backlog = 2147483648": "must be at most 2147483647",
    "timeout = -1": "must be at least 0",
    'timeout = "30"': SECONDS,
    "timeout = true": SECONDS,
    "timeout = nan": SECONDS,
    "timeout = inf": SECONDS,
    "timeout = 10000000000.0": "must be at most 1000000000 seconds",
    "boot_timeout = 0": "must be greater than 0",
    "header_timeout = 0": "must be greater than 0",
    "keepalive = -0.5": "must be at least 0",
    "limit_request_line = -1": "must be at least 0",
    "umask = 512": MASK,
    "umask = -1": MASK,
    "umask = true": MASK,
    'umask = "22"': "must be octal and begin with 0, like 022 or 0o022",
    'umask = "0o9"': MASK,
    "wsgi_app = 3": TEXT,
    'wsgi_app = "app.py"': "must be a module, not a file; did you mean app:app?",
    'wsgi_app = "app.py:app"': "must be a module, not a file; did you mean app:app?",
    'wsgi_app = "web/app.py"': "must be a module, not a file; did you mean app:app with --chdir web?",
    'wsgi_app = "/srv/app.py"': "must be a module, not a file; did you mean app:app with --chdir /srv?",
    "chdir = 3": TEXT,
    'chdir = "nowhere"': "must be a directory; there is none at DIR/nowhere",
    'raw_env = ["HOME"]': "HOME: must be NAME=VALUE",
    'raw_env = ["A=1", "=2"]': "=2: must be NAME=VALUE",
    "raw_env = 3": TEXTS,
    "raw_env = [3]": TEXTS,
    'pidfile = "a\\u0000b"': "must not hold a NUL",
    'root_path = "api"': 'must begin with "/", like "/api"',
    'asgi_lifespan = "of"': "must be one of auto, on, off; did you mean off?",
    "asgi_lifespan = true": "must be one of auto, on, off",
    'worker_class = "asnyc"': f"{KINDS}; did you mean async?",
    'worker_class = "gevent"': GREENLETS,
    'worker_class = "eventlet"': GREENLETS,
    'worker_class = "tornado"': (
        "pfork has no tornado worker; async serves ASGI apps, thread and sync serve WSGI apps"
    ),
    'loglevel = "warn"': "must be one of debug, info, warning, error, critical; did you mean warning?",
    'user = "no-such-user-here"': "must be a user of this machine, or a numeric id",
    'group = "no-such-group-here"': "must be a group of this machine, or a numeric id",
    "user = -1": "must be a name or an id, like www-data or 33",
    "bind = []": 'must name at least one address, like ["127.0.0.1:8000"]',
    "bind = 8000": TEXTS,
    'bind = "8000"': "must be HOST:PORT; did you mean :8000?",
    'bind = [":8000", "::1"]': "::1: must have an IPv6 host in brackets, like [::1]:8000",
    'bind = [":8000", "0.0.0.0:8000"]': "0.0.0.0:8000: must be listed once",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_value_is_told_where_it_stands_and_which_rule_it_breaks(tmp_path, line):
    assert problems_in(tmp_path, files={"pfork.toml": line}) == [f"pfork.toml:1: {line}: {WRONG[line]}"]


# A line of pfork.toml, and the value it gives.
RIGHT = {
    "workers = 0x10": 16,
    "workers = 1_000": 1000,
    "timeout = 0": 0.0,
    "timeout = 0.5": 0.5,
    "umask = 0o022": 0o022,
    'umask = "022"': 0o022,
    'umask = "0o022"': 0o022,
    'umask = "7"': 7,
    "wsgi_app = \"pkg.mod:create_app('x.py')\"": "pkg.mod:create_app('x.py')",
    'wsgi_app = ""': None,
    'app = "app:app"': "app:app",
    'root_path = "/api/"': "/api",
    'root_path = "/"': "",
    'worker_class = "gthread"': "thread",
    'worker_class = "ASYNC"': "async",
    'worker_class = "asgi"': "async",
    'worker_class = "uvicorn.workers.UvicornWorker"': "async",
    'worker_class = "uvicorn_worker.UvicornWorker"': "async",
    'loglevel = "INFO"': "info",
    'pidfile = " run/pid "': "run/pid",
    'accesslog = ""': None,
    'user = "root"': "root",
    "user = 12345": "12345",
    'user = ""': None,
    "group = 0": "0",
    'raw_env = ["A=1,2", "B="]': ("A=1,2", "B="),
    'raw_env = "A=1,B=2"': ("A=1", "B=2"),
    'pythonpath = "a, b"': ("a", "b"),
    'bind = "127.0.0.1:1, unix:/s"': (TcpAddress("127.0.0.1", 1), UnixAddress("/s")),
    'bind = ["fd://3"]': (FdAddress(3),),
}


@pytest.mark.parametrize("line", RIGHT)
def test_a_right_value_is_taken(tmp_path, line):
    loaded = load_in(tmp_path, files={"pfork.toml": line})
    name = line.partition(" ")[0].replace("app", "wsgi_app").replace("wsgi_wsgi_", "wsgi_")
    groups = [getattr(loaded.settings, group) for group in ("app", "binding", "processes", "http", "logs")]
    [value] = [getattr(group, name) for group in groups if hasattr(group, name)]
    assert value == RIGHT[line]
    assert type(value) is type(RIGHT[line])
    assert str(loaded.origins[name]) == "pfork.toml:1"


def test_a_long_value_is_cut_in_its_message(tmp_path):
    [problem] = problems_in(tmp_path, files={"pfork.toml": f'bind = "{"x" * 200}:y"'})
    assert problem == (f'pfork.toml:1: bind = "{"x" * 76}...: must end in a port from 0 to 65535, like 127.0.0.1:8000')
