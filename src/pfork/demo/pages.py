"""The demo's pages, apart from WSGI and ASGI: a path goes in, a page comes out."""

from __future__ import annotations

import html
import json
import os
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from pfork.base import NS_PER_S

_TEMPLATE = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
_MOST_WORK_MS = 100
_WORK = bytes(range(256)) * 64  # takes some 0.1 ms to pack

# The page is one file and asks for nothing from outside; the policy makes sure.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "script-src 'unsafe-inline'",
        "connect-src 'self'",
        "img-src data:",
    )
)


@dataclass(frozen=True, slots=True)
class Page:
    """A response: ``status`` as in ``"200 OK"``, headers in WSGI's form."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answered. Under a server that is not pfork only ``pid`` is known.

    ``uptime`` is in seconds; ``requests`` counts those that the worker has finished.
    """

    pid: int
    interface: str
    number: int | None = None
    generation: int | None = None
    kind: str | None = None
    uptime: float | None = None
    requests: int | None = None


def identify(worker: Any, interface: str) -> Answerer:
    """Who answers: what the server put under ``pfork.worker``, or else this process."""
    if worker is None:
        return Answerer(os.getpid(), interface)
    return Answerer(
        pid=worker.pid,
        interface=interface,
        number=worker.number,
        generation=worker.generation,
        kind=worker.kind,
        uptime=round(max(0.0, time.time() - worker.started), 1),
        requests=worker.requests,
    )


def work_asked(path: str, query: str) -> int:
    """The milliseconds of work that a request asks for (``/whoami.json?work=20``). Nonsense asks for none."""
    if path != "/whoami.json":
        return 0
    asked = parse_qs(query).get("work", ["0"])[0]
    return min(int(asked), _MOST_WORK_MS) if asked.isascii() and asked.isdigit() else 0


def do_work(milliseconds: int) -> None:
    """Keep this worker busy for a while, as an app's own work would. Packing lets other threads run."""
    end = time.monotonic_ns() + milliseconds * NS_PER_S // 1000
    while time.monotonic_ns() < end:
        zlib.compress(_WORK, 9)


def answer(method: str, path: str, answerer: Answerer) -> Page:
    """The page for a request."""
    if path not in ("/", "/whoami.json", "/healthz"):
        return _text("404 Not Found", f"There is no {path} here. There are /, /whoami.json and /healthz.\n")
    if method not in ("GET", "HEAD"):
        page = _text("405 Method Not Allowed", f"{method} is not answered here; GET and HEAD are.\n")
        page.headers.append(("Allow", "GET, HEAD"))
        return page
    if path == "/healthz":
        return _text("200 OK", "ok\n")
    # Both close their connection: the next request is a new one, and goes to whichever worker is free.
    moving_on = [("Connection", "close"), ("Cache-Control", "no-store")]
    if path == "/whoami.json":
        return _page("200 OK", "application/json", json.dumps(asdict(answerer)), moving_on)
    security = [("Content-Security-Policy", _POLICY), ("X-Content-Type-Options", "nosniff")]
    return _page("200 OK", "text/html; charset=utf-8", render(answerer), moving_on + security)


def render(answerer: Answerer) -> str:
    """The HTML page. It reads well without scripts too: who answered is in the text itself."""
    known = answerer.number is not None
    name = f"Worker {answerer.number}" if known else f"Process {answerer.pid}"
    facts = {
        "kind": answerer.kind,
        "generation": answerer.generation,
        "pid": answerer.pid,
        "uptime": None if answerer.uptime is None else f"{answerer.uptime:.0f} s",
        "requests": answerer.requests,
        "interface": answerer.interface,
    }
    text = _TEMPLATE.replace("{{name}}", html.escape(name))
    for key, value in facts.items():
        text = text.replace("{{" + key + "}}", html.escape("-" if value is None else str(value)))
    # "<" is the one character that could end the script element early.
    return text.replace("{{json}}", json.dumps(asdict(answerer)).replace("<", "\\u003c"))


def _text(status: str, text: str) -> Page:
    return _page(status, "text/plain; charset=utf-8", text, [])


def _page(status: str, content_type: str, text: str, headers: list[tuple[str, str]]) -> Page:
    body = text.encode("utf-8", "replace")
    own = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    return Page(status, own + headers, body)
