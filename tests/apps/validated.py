"""A WSGI app under wsgiref's validator: what the server does wrong by PEP 3333 ends as an AssertionError, a 500."""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    stream = environ["wsgi.input"]
    how = environ["QUERY_STRING"]
    if how == "readline":
        body = b"".join(iter(stream.readline, b""))
    elif how == "readlines":
        body = b"".join(stream.readlines())
    elif how == "iterate":
        body = b"".join(stream)
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.errors"].write("")
    environ["wsgi.errors"].flush()
    if how == "write":
        start_response("200 OK", [("Content-Type", "text/plain")])(b"written, ")
        return [body]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body] if environ["REQUEST_METHOD"] != "HEAD" else []


@validator
def breaks_the_rules(environ, start_response):
    """An app that is the one to blame: a header name with a colon."""
    start_response("200 OK", [("X-Broken:", "1"), ("Content-Type", "text/plain")])
    return [b"never"]
