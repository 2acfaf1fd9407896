"""A Starlette app: routing, JSON, a streamed response, a streamed upload, a background task, lifespan state."""

import contextlib
import hashlib

import gates
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route


@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"database": "open"}


async def index(request):
    return PlainTextResponse("Starlette says hello")


async def item(request):
    return JSONResponse({"item": request.path_params["item"], "query": dict(request.query_params)})


async def state(request):
    return JSONResponse({"database": request.state.database})


async def stream(request):
    async def parts():
        for part in range(request.path_params["parts"]):
            yield f"part {part}\n"

    return StreamingResponse(parts(), media_type="text/plain")


async def upload(request):
    digest = hashlib.sha256()
    size = 0
    async for data in request.stream():
        digest.update(data)
        size += len(data)
    return JSONResponse({"size": size, "sha256": digest.hexdigest()})


async def background(request):
    task = BackgroundTask(gates.hold_async, request.query_params["gate"], "background")
    return PlainTextResponse("answered", background=task)


async def fails(request):
    raise RuntimeError("Starlette endpoint raised")


app = Starlette(
    routes=[
        Route("/", index),
        Route("/item/{item:int}", item),
        Route("/state", state),
        Route("/stream/{parts:int}", stream),
        Route("/upload", upload, methods=["POST"]),
        Route("/background", background),
        Route("/fails", fails),
    ],
    lifespan=lifespan,
)
