"""Answers each request with what was seen of it, as JSON, and with how many requests were seen so far."""

import json

calls = 0


def mirrored(method, target, body):
    global calls  # noqa: PLW0603 - the test asks how often this process was called
    calls += 1
    seen = {"calls": calls, "method": method, "target": target, "body": body.decode("latin-1")}
    return json.dumps(seen).encode()


def wsgi(environ, start_response):
    body = mirrored(environ["REQUEST_METHOD"], environ["RAW_URI"], environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    page = mirrored(scope["method"], target, body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(page)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page})
