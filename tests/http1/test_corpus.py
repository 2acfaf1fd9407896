"""Every request of the corpus, in one piece and in pieces: how bytes are cut must not matter."""

import re
from dataclasses import replace

import pytest

from .corpus import INVALID, VALID
from .reading import bytewise, cut, read, refusal

valid = pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
invalid = pytest.mark.parametrize("case", INVALID, ids=lambda case: case.name)

EVERY_PLACE, SOME_PLACES = 1000, 100
"""A request of at most this many bytes is cut at every place; a larger one at this many places."""


def patient(requests):
    """Whether the client waits for a 100 depends on whether its body has come, so on the cut."""
    return [replace(request, waits=False) for request in requests]


def places(raw):
    step = 1 if len(raw) <= EVERY_PLACE else len(raw) // SOME_PLACES
    return range(1, len(raw), step)


def test_names_are_unique():
    names = [case.name for case in (*VALID, *INVALID)]
    assert sorted(set(names)) == sorted(names)


@valid
def test_a_valid_request_is_read(case):
    assert patient(read([case.raw])) == patient(case.requests)


@valid
def test_a_valid_request_is_read_byte_by_byte(case):
    assert read(bytewise(case.raw)) == list(case.requests)


@valid
def test_a_valid_request_is_read_wherever_it_is_cut(case):
    for place in places(case.raw):
        assert patient(read(cut(case.raw, place))) == patient(case.requests), f"cut at {place}"


@valid
def test_a_valid_request_is_not_complete_before_its_last_byte(case):
    whole = patient(case.requests)
    for place in places(case.raw):
        assert len(read([case.raw[:place]])) < len(whole), f"the first {place} bytes"


@invalid
def test_an_invalid_request_is_refused(case):
    status, reason = refusal([case.raw])
    assert (status, case.reason in reason) == (case.status, True), reason


@invalid
def test_an_invalid_request_is_refused_byte_by_byte(case):
    status, reason = refusal(bytewise(case.raw))
    assert (status, case.reason in reason) == (case.status, True), reason


@invalid
def test_an_invalid_request_is_refused_wherever_it_is_cut(case):
    for place in places(case.raw):
        assert refusal(cut(case.raw, place))[0] == case.status, f"cut at {place}"


@invalid
def test_an_invalid_request_is_refused_behind_a_valid_one(case):
    assert refusal([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + case.raw])[0] == case.status


@invalid
def test_a_reason_is_short_and_plain(case):
    _, reason = refusal([case.raw])
    assert re.fullmatch(r"[\w ,./#'*()-]{10,90}", reason, re.ASCII)
