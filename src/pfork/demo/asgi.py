"""The demo over ASGI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pfork.demo.pages import answer, do_work, identify, work_asked

Message = dict[str, Any]


async def asgi_app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """The demo as an ASGI 3.0 application. It refuses other scopes (lifespan) as the specification asks."""
    if scope["type"] != "http":
        raise NotImplementedError(f"the demo answers http, not {scope['type']}")
    path = scope["path"] or "/"
    milliseconds = work_asked(path, scope["query_string"].decode("latin-1"))
    if milliseconds:
        import asyncio  # here: a sync worker opens this door too, and shall not pay for asyncio

        await asyncio.to_thread(do_work, milliseconds)  # other requests are served meanwhile
    worker = (scope.get("extensions") or {}).get("pfork.worker")
    page = answer(scope["method"], path, identify(worker, "ASGI"))
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in page.headers]
    await send({"type": "http.response.start", "status": int(page.status[:3]), "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else page.body})
