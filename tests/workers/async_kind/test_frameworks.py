"""Frameworks that expect what the specification promises: Starlette and FastAPI, through a real client."""

import contextlib

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route


@contextlib.contextmanager
def client_of(one):
    host, port = one.listeners[0].sock.getsockname()
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=30) as client:
        yield client


class Stamp(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = "1"
        return response


def starlette_app(gate):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        yield {"pool": "open"}

    async def home(request):
        return JSONResponse({"pool": request.state.pool, "path": request.url.path})

    async def upload(request):
        size = 0
        async for piece in request.stream():
            size += len(piece)
        return PlainTextResponse(str(size))

    async def stream(request):
        async def pieces():
            for number in range(5):
                yield f"{number}\n"

        return StreamingResponse(pieces(), media_type="text/plain")

    async def endless(request):
        async def pieces():
            try:
                while True:
                    yield b"x" * 65536
            finally:
                gate.say(b"c")

        return StreamingResponse(pieces())

    async def background(request):
        return PlainTextResponse("done", background=BackgroundTask(gate.say, b"b"))

    async def fails(request):
        raise RuntimeError("the view raised")

    routes = [
        Route("/", home),
        Route("/upload", upload, methods=["POST"]),
        Route("/stream", stream),
        Route("/endless", endless),
        Route("/background", background),
        Route("/fails", fails),
    ]
    middleware = [Middleware(Stamp), Middleware(GZipMiddleware)]
    return Starlette(
        routes=[Mount("/plain", routes=routes), Mount("/", routes=routes, middleware=middleware)], lifespan=lifespan
    )


def test_starlette(run, gate):
    one = run(starlette_app(gate))
    with client_of(one) as client:
        for prefix in ("", "/plain"):
            assert client.get(prefix + "/").json() == {"pool": "open", "path": prefix + "/"}
            body = b"x" * 1_000_000
            assert client.post(prefix + "/upload", content=body).text == "1000000"
            assert client.post(prefix + "/upload", content=iter([b"abc", b"defg"])).text == "7"
            assert client.get(prefix + "/stream").text == "0\n1\n2\n3\n4\n"
            assert client.get(prefix + "/background").text == "done"
            assert gate.hear() == b"b"
            assert client.head(prefix + "/").content == b""
            assert client.get(prefix + "/nothing").status_code == 404
        assert "ERROR" not in one.log
        assert client.get("/plain/fails").status_code == 500
        assert client.get("/").json()["pool"] == "open"
    one.drain()
    assert one.wait() == 0
    assert one.log.count("RuntimeError: the view raised") == 1


@pytest.mark.parametrize("prefix", ["", "/plain"])
def test_starlette_stops_a_stream_whose_client_has_left(run, gate, prefix):
    one = run(starlette_app(gate))
    with one.connect() as client:
        client.get(prefix + "/endless")
        client.read(100_000)
    one.wait_log("the client left, and the app ended with ClientDisconnect")
    one.drain()
    assert one.wait() == 0
    assert gate.hear() == b"c"  # at the end at the latest: behind the middleware the generator is left to its fate
    assert "ERROR" not in one.log


class Item(BaseModel):
    name: str
    price: float


def fastapi_app():
    app = FastAPI()

    @app.post("/items")
    async def create(item: Item):
        return {"name": item.name.upper(), "price": item.price}

    @app.get("/threads")
    def in_a_thread():
        return {"in": "a thread"}

    @app.get("/worker")
    async def worker(request: Request):
        return {"number": request.scope["extensions"]["pfork.worker"].number}

    return app


def test_fastapi(run):
    one = run(fastapi_app())
    with client_of(one) as client:
        reply = client.post("/items", json={"name": "tea", "price": 2})
        assert (reply.status_code, reply.json()) == (200, {"name": "TEA", "price": 2.0})
        reply = client.post("/items", json={"name": "tea"})
        assert reply.status_code == 422
        assert reply.json()["detail"][0]["loc"] == ["body", "price"]
        assert client.get("/threads").json() == {"in": "a thread"}
        assert client.get("/worker").json() == {"number": 1}
        assert client.get("/openapi.json").status_code == 200
    one.drain()
    assert one.wait() == 0
    assert "ERROR" not in one.log


def test_fastapi_behind_a_prefix(run):
    one = run(fastapi_app(), settings={"root_path": "/api"})
    with client_of(one) as client:
        assert client.get("/threads").json() == {"in": "a thread"}
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/api"}]
