"""The worker kinds by name. Each is imported only where it is used: a sync worker never pays for asyncio."""

from __future__ import annotations

from pfork.workers.interface import Kind
from pfork.workers.shift import Serve


def find_serve(kind: Kind) -> Serve:
    """The function that serves a shift."""
    if kind == "async":
        from pfork.workers.async_ import serve as serve_async

        return serve_async
    if kind == "thread":
        from pfork.workers.thread import serve as serve_thread

        return serve_thread
    from pfork.workers.sync import serve as serve_sync

    return serve_sync
