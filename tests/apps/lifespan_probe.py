"""ASGI apps with a lifespan: one that is well, one that fails at startup, one that fails at shutdown.

``LIFESPAN_FAILS`` names a file: while it exists, ``app`` fails to start too, so that a reload can be made to fail.
"""

import json
import os
import sys
from pathlib import Path


def make(startup="", shutdown=""):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await lifespan(scope, receive, send)
            return
        state = scope["state"]
        state["requests"] = state.get("requests", 0) + 1  # a request's state is a shallow copy
        body = json.dumps(state).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": body})

    async def lifespan(scope, receive, send):
        await receive()
        if startup or Path(os.environ.get("LIFESPAN_FAILS", "/nonexistent")).exists():
            await send({"type": "lifespan.startup.failed", "message": startup or "told to fail"})
            return
        scope["state"]["database"] = "open"
        print("lifespan: started", file=sys.stderr, flush=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("lifespan: shut down", file=sys.stderr, flush=True)
        if shutdown:
            await send({"type": "lifespan.shutdown.failed", "message": shutdown})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    return app


async def raises(scope, receive, send):
    """Raises in the lifespan, after it took the startup message: a failure with ``--lifespan on`` only."""
    if scope["type"] == "lifespan":
        await receive()
        raise RuntimeError("the lifespan raised")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"no lifespan"})


app = make()
fails = make(startup="no database today")
fails_late = make(shutdown="the database did not close")
