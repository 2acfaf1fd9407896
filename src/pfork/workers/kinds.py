"""The worker kinds by name.

The sync kind is imported with this module, before the workers are forked, and so its code is shared by them. The others
are imported where they are used: nobody else pays for threads, or for asyncio.
"""

from __future__ import annotations

from pfork.workers.interface import Kind
from pfork.workers.shift import Serve
from pfork.workers.sync import serve as serve_sync


def find_serve(kind: Kind) -> Serve:
    """The function that serves a shift."""
    if kind == "async":
        from pfork.workers.async_ import serve as serve_async

        return serve_async
    if kind == "thread":
        from pfork.workers.thread import serve as serve_thread

        return serve_thread
    return serve_sync
