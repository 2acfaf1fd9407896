"""The demo over WSGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pfork.demo.pages import answer, do_work, identify, work_asked


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The demo as a WSGI application (PEP 3333)."""
    path = environ.get("PATH_INFO") or "/"
    do_work(work_asked(path, environ.get("QUERY_STRING", "")))
    page = answer(environ["REQUEST_METHOD"], path, identify(environ.get("pfork.worker"), "WSGI"))
    start_response(page.status, page.headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else page.body]
