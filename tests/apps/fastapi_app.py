"""A FastAPI app: validated JSON, a streamed response, a background task, lifespan state, sync and async endpoints."""

import contextlib
import sys
import threading

import gates
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


@contextlib.asynccontextmanager
async def lifespan(app):
    print("fastapi: started", file=sys.stderr, flush=True)
    yield {"database": "open"}
    print("fastapi: shut down", file=sys.stderr, flush=True)


app = FastAPI(lifespan=lifespan)


class Order(BaseModel):
    item: str
    count: int = Field(gt=0)


@app.post("/orders", status_code=201)
async def create_order(order: Order):
    return {"item": order.item, "count": order.count}


@app.get("/stream/{parts}")
async def stream(parts: int):
    async def lines():
        for part in range(parts):
            yield f"part {part}\n"

    return StreamingResponse(lines(), media_type="text/plain")


@app.get("/background")
async def background(gate: str, tasks: BackgroundTasks):
    tasks.add_task(gates.hold_async, gate, "background")
    return {"answered": True}


@app.get("/state")
async def state(request: Request):
    return {"database": request.state.database}


@app.get("/thread")
def in_a_thread():
    return {"main": threading.current_thread() is threading.main_thread()}
