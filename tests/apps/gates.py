"""How an app waits for a test, and how it tells a test something: over a Unix socket that the test listens on.

Nothing here knows of time: an app that holds a request holds it until the test lets it go.
"""

import asyncio
import os
import socket


def line(text):
    return f"{os.getpid()} {text}\n".encode()


def tell(path, text):
    """Say one line to the test and go on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gate:
        gate.connect(path)
        gate.sendall(line(text))


def hold(path, text="entered"):
    """Say one line to the test, then block this thread until the test lets go."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gate:
        gate.connect(path)
        gate.sendall(line(text))
        gate.recv(1)


async def hold_async(path, text="entered"):
    """Say one line to the test, then wait until the test lets go; the event loop goes on."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(line(text))
        await reader.read(1)
    finally:
        writer.close()
