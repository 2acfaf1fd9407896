"""The servers that are compared: one worker each, no access log, set up for speed as their makers advise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """``command`` is run from the environment's bin directory; PORT in it stands for the port."""

    name: str
    command: str
    note: str = ""

    def argv(self, bin_directory: str, port: int) -> list[str]:
        program, *arguments = self.command.replace("PORT", str(port)).split()
        return [f"{bin_directory}/{program}", *arguments]


SERVERS = (
    Server("pfork-sync", "pfork -k sync -w 1 -b 127.0.0.1:PORT hello:wsgi"),
    Server("pfork-thread", "pfork -k thread --threads 4 -w 1 -b 127.0.0.1:PORT hello:wsgi"),
    Server("pfork-async", "pfork -k async -w 1 -b 127.0.0.1:PORT hello:asgi"),
    Server(
        "gunicorn-sync",
        "gunicorn -k sync -w 1 --no-control-socket -b 127.0.0.1:PORT hello:wsgi",
        "has no keep-alive: every request pays for a connection",
    ),
    Server(
        "gunicorn-gthread",
        "gunicorn -k gthread --threads 4 -w 1 --no-control-socket -b 127.0.0.1:PORT hello:wsgi",
    ),
    Server("gunicorn-asgi", "gunicorn -k asgi -w 1 --no-control-socket -b 127.0.0.1:PORT hello:asgi"),
    Server(
        "uvicorn",
        "uvicorn --http httptools --loop uvloop --no-access-log --log-level warning --port PORT hello:asgi",
        "has no arbiter: one process",
    ),
    Server(
        "granian-wsgi",
        "granian --interface wsgi --http 1 --no-ws --blocking-threads 1 --log-level warning --port PORT hello:wsgi",
    ),
    Server(
        "granian-asgi",
        "granian --interface asgi --http 1 --no-ws --loop uvloop --log-level warning --port PORT hello:asgi",
    ),
)
