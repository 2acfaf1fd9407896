"""The corpus of tests/http1 over real sockets, under every worker kind."""

import json

import pytest

from tests.http1 import corpus

KINDS = {
    "sync": ("mirror:wsgi", "-k", "sync"),
    "thread": ("mirror:wsgi", "-k", "thread", "--threads", "4"),
    "async": ("mirror:asgi", "-k", "async"),
}

every_kind = pytest.mark.parametrize("args", KINDS.values(), ids=KINDS)


def calls(one):
    """How often the app was called before this."""
    return one.get("/").json()["calls"] - 1


def target_as_told(args, target):
    """What the app can tell of a target. Of the absolute form an ASGI app sees the path and the query only."""
    text = target.decode("latin-1")
    if "async" not in args:
        return text
    if "://" in text:
        text = "/" + text.split("://", 1)[1].partition("/")[2] if "/" in text.split("://", 1)[1].split("?")[0] else text
    return text.removesuffix("?")


@every_kind
@pytest.mark.parametrize("case", corpus.VALID, ids=lambda case: case.name)
def test_valid_requests_are_answered_as_they_were_meant(shared, args, case):
    one = shared(*args)
    with one.raw() as client:
        client.send(case.raw)
        for number, request in enumerate(case.requests, 1):
            answer = client.answer(request.method)
            if request.upgrade == b"websocket":
                assert (answer.status, answer.closes) == (501, True)
                return
            assert answer.status == 200, answer
            if request.method != "HEAD":
                seen = json.loads(answer.body)
                assert (seen["method"], seen["body"].encode("latin-1")) == (request.method, request.body)
                if not request.target.lower().startswith(b"http"):
                    assert seen["target"] == target_as_told(args, request.target)
            if number == len(case.requests):
                assert answer.closes is not request.keep_alive
        if not case.requests[-1].keep_alive:
            assert client.read_rest() == b""


@every_kind
@pytest.mark.parametrize("case", corpus.INVALID, ids=lambda case: case.name)
def test_invalid_requests_are_refused_and_never_reach_the_app(shared, args, case):
    one = shared(*args)
    before = calls(one)
    mark = one.log.mark()
    with one.raw() as client:
        client.send_gently(case.raw)
        client.shut_down()
        answer = client.answer()
        assert (answer.status, answer.closes) == (case.status, True), answer
        assert case.reason in answer.body.decode()
        assert client.read_rest() == b"", "nothing behind it is taken for a request"
    assert calls(one) == before + 1 + len(getattr(case, "requests", ()))
    assert "Traceback" not in "\n".join(one.log.lines[mark:])
