"""What an application must not send: it is told, and the client is not harmed."""

import pytest

from pfork.http1 import BodyTooLong, BodyTooShort, InvalidResponse

from .test_response import lines, respond

BAD_HEADERS = {
    "a CR in a value": [(b"X", b"a\rb")],
    "a LF in a value": [(b"X", b"a\nb")],
    "a header in a value": [(b"X", b"a\r\nSet-Cookie: b=c")],
    "a CRLF at the end of a value": [(b"X", b"a\r\n")],
    "a NUL in a value": [(b"X", b"a\0b")],
    "a LF in a date": [(b"Date", b"a\nb")],
    "an empty name": [(b"", b"a")],
    "a space in a name": [(b"X Y", b"a")],
    "a colon in a name": [(b"X:", b"a")],
    "a CRLF in a name": [(b"X\r\nY", b"a")],
    "a name beyond ASCII": [(b"\xc4", b"a")],
    "a length that is no number": [(b"Content-Length", b"five")],
    "a length with a sign": [(b"Content-Length", b"-5")],
    "an endless length": [(b"Content-Length", b"9" * 19)],
    "two lengths": [(b"Content-Length", b"5"), (b"content-length", b"5")],
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_bad_headers_are_refused(name):
    headers = BAD_HEADERS[name]
    for _ in range(2):
        with pytest.raises(InvalidResponse):
            respond().start(b"200 OK", headers)
        with pytest.raises(InvalidResponse):
            respond().start_text("200 OK", [(key.decode("latin-1"), value.decode("latin-1")) for key, value in headers])


@pytest.mark.parametrize(
    "headers",
    [
        [("X", b"a")],
        [(b"X", "a")],
        [(b"X", 5)],
        [(b"X",)],
        [b"X: a"],
        [(b"X", b"a", b"b")],
        [None],
        None,
        [(None, b"a")],
    ],
    ids=repr,
)
def test_headers_of_the_wrong_type_are_refused_for_bytes(headers):
    with pytest.raises(InvalidResponse, match="headers: must be a list of pairs of bytes"):
        respond().start(b"200 OK", headers)


@pytest.mark.parametrize(
    "headers",
    [[("X", b"a")], [(b"X", "a")], [("X", 5)], [("Content-Length", 5)], [("X",)], ["X: a"], None, [("X", "\u20ac")]],
    ids=repr,
)
def test_headers_of_the_wrong_type_are_refused_for_text(headers):
    with pytest.raises(InvalidResponse, match="headers: must be a list of pairs of Latin-1 strings"):
        respond().start_text("200 OK", headers)


@pytest.mark.parametrize(
    "status",
    ["", "OK", "20 OK", "2000 OK", "200OK", "099 X", "200 a\nb", "200 a\0", " 200 OK", "\u0662\u0660\u0660 OK"],
)
def test_a_bad_status_is_refused(status):
    with pytest.raises(InvalidResponse, match="must be three digits"):
        respond().start_text(status, [])
    with pytest.raises(InvalidResponse, match="must be three digits"):
        respond().start(status.encode(), [])


@pytest.mark.parametrize("status", [None, 200, b"200 OK"])
def test_a_status_of_the_wrong_type_is_refused(status):
    with pytest.raises(InvalidResponse, match="must be three digits"):
        respond().start_text(status, [])


@pytest.mark.parametrize("status", [b"100 Continue", b"101 Switching Protocols", b"103 Early Hints"])
def test_an_interim_status_is_not_the_final_one(status):
    with pytest.raises(InvalidResponse, match="cannot be the final one"):
        respond().start(status, [])


def test_another_start_may_follow_a_refused_one():
    response = respond()
    with pytest.raises(InvalidResponse):
        response.start(b"200 OK", [(b"Content-Length", b"5"), (b"Date", b"then"), (b"X", b"a\nb")])
    head = response.start(b"500 Internal Server Error", [(b"Content-Length", b"2")])
    assert lines(head) == [b"HTTP/1.1 500 Internal Server Error", b"Content-Length: 2"]
    assert b"\r\nDate: " in head
    assert response.body(b"no") + response.end() == b"no"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (b"200 OK", []),
        (b"101 Switching Protocols", []),
        (b"103", [(b"X", b"a\r\nb")]),
        (b"103", [("X", "a")]),
        (b"103", [1]),
    ],
)
def test_a_bad_interim_response_is_refused(status, headers):
    with pytest.raises(InvalidResponse):
        respond().interim(status, headers)


def test_a_body_beyond_its_length_is_cut():
    response = respond()
    response.start(b"200 OK", [(b"Content-Length", b"7")])
    assert response.body(b"hello") == b"hello"
    with pytest.raises(BodyTooLong, match="at least 10 bytes: Content-Length is 7") as caught:
        response.body(b"world")
    assert caught.value.allowed == b"wo"
    assert (response.keep_alive, response.body_sent, response.end()) == (False, 7, b"")
    with pytest.raises(BodyTooLong) as caught:
        response.body(b"!")
    assert caught.value.allowed == b""


def test_a_body_below_its_length_is_told():
    response = respond()
    response.start(b"200 OK", [(b"Content-Length", b"7")])
    response.body(b"hello")
    with pytest.raises(BodyTooShort, match="after 5 bytes: Content-Length is 7"):
        response.end()
    assert not response.keep_alive
