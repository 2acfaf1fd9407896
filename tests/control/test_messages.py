"""Orders and reports survive the packet; anything else is refused."""

import pytest

from pfork.control import (
    BootFailed,
    Drain,
    MessageError,
    Quit,
    ReopenLogs,
    RetirementAsked,
    WorkerReady,
    decode,
    encode,
)
from pfork.control.messages import MAX_MESSAGE

MESSAGES = [
    Drain(123, True),
    Quit(),
    ReopenLogs(),
    WorkerReady("sync", "wsgi"),
    BootFailed("import", 3, 'Traceback "ü"\n'),
    RetirementAsked("SIGTERM"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=repr)
def test_a_message_survives_the_packet(message):
    assert decode(encode(message)) == message


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"{}",
        b'["Drain"]',
        b'["Drain", {}]',
        b'["Bomb", {}]',
        b'[["Quit"], {}]',
        b"3",
    ],
)
def test_what_an_app_may_write_there_is_refused(packet):
    with pytest.raises(MessageError, match="not a message"):
        decode(packet)


def test_a_traceback_too_long_for_a_packet_keeps_its_end():
    text = "".join(f"line {number}\n" for number in range(20_000)) + "ImportError: the reason"
    packet = encode(BootFailed("import", 3, text))
    assert len(packet) <= MAX_MESSAGE
    report = decode(packet)
    assert isinstance(report, BootFailed)
    assert report.text.startswith("...\n")
    assert report.text.endswith("ImportError: the reason")
