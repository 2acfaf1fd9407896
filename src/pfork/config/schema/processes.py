"""Settings of the arbiter and its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pfork.config.checks import at_least, group_exists, positive, user_exists
from pfork.config.kinds import Kind, account, choice, integer, optional_text, seconds
from pfork.config.row import setting

WorkerClass = Literal["auto", "sync", "thread", "async"]

_GREENLETS = "pfork has no worker with greenlets; thread serves many connections at once too"

WORKER_CLASSES: Kind[WorkerClass] = choice(
    "auto",
    "sync",
    "thread",
    "async",
    aliases={
        "gthread": "thread",
        "asgi": "async",
        "uvicorn.workers.UvicornWorker": "async",
        "uvicorn.workers.UvicornH11Worker": "async",
        "uvicorn_worker.UvicornWorker": "async",
        "uvicorn_worker.UvicornH11Worker": "async",
    },
    refusals={
        "gevent": _GREENLETS,
        "gevent_wsgi": _GREENLETS,
        "gevent_pywsgi": _GREENLETS,
        "eventlet": _GREENLETS,
        "tornado": "pfork has no tornado worker; async serves ASGI apps, thread and sync serve WSGI apps",
    },
)

MAX_WORKERS = 4096
"""More than any machine has use for: two for each of 2,000 cores. Guards against a slip of the finger."""

MAX_THREADS = 4096
"""Each has a stack; far beyond what one interpreter lock can feed."""


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How many workers of which kind, how long they may take, and who they are."""

    workers: int = setting(
        1,
        integer,
        flags=("-w", "--workers"),
        metavar="N",
        unit="processes",
        check=at_least(1, MAX_WORKERS),
        standard=("WEB_CONCURRENCY", integer.parse),
        help="Number of worker processes.",
    )
    worker_class: Literal["auto", "sync", "thread", "async"] = setting(
        "auto",
        WORKER_CLASSES,
        flags=("-k", "--worker-class"),
        metavar="KIND",
        help="Worker kind: sync, thread (both WSGI), async (ASGI), or auto, which picks it by the app.",
    )
    threads: int = setting(
        1,
        integer,
        flags=("--threads",),
        metavar="N",
        unit="threads",
        check=at_least(1, MAX_THREADS),
        help="Requests a thread worker answers at once.",
    )
    worker_connections: int = setting(
        1000,  # Gunicorn's; under the usual 1024 descriptors of a process
        integer,
        flags=("--worker-connections",),
        metavar="N",
        unit="connections",
        check=at_least(1),
        help="Connections a worker holds open at once.",
    )
    timeout: float = setting(
        30.0,
        seconds,
        flags=("-t", "--timeout"),
        metavar="SECONDS",
        unit="s",
        check=at_least(0),
        help="How long a request (async: a step of the event loop) may take before its worker is replaced; "
        "0 is for ever.",
    )
    graceful_timeout: float = setting(
        30.0,
        seconds,
        flags=("--graceful-timeout",),
        metavar="SECONDS",
        unit="s",
        check=at_least(0),
        help="How long a stopping worker may take to finish its requests.",
    )
    boot_timeout: float = setting(
        120.0,  # large apps import for a minute on a cold disk
        seconds,
        flags=("--boot-timeout",),
        metavar="SECONDS",
        unit="s",
        check=positive,
        help="How long a worker may take to load and start the app.",
    )
    pidfile: str | None = setting(
        None,
        optional_text,
        flags=("-p", "--pid"),
        metavar="FILE",
        applies="restart",
        help="File to write the arbiter's process ID to.",
    )
    proc_name: str | None = setting(
        None,
        optional_text,
        flags=("-n", "--name"),
        metavar="NAME",
        help="Name in the process titles instead of the app's.",
    )
    user: str | None = setting(
        None,
        account,
        flags=("-u", "--user"),
        metavar="USER",
        check=user_exists,
        help="User the workers run as, by name or ID.",
    )
    group: str | None = setting(
        None,
        account,
        flags=("-g", "--group"),
        metavar="GROUP",
        check=group_exists,
        help="Group the workers run as, by name or ID.",
    )
