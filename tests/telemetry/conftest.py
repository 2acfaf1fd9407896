"""Each test leaves the loggers as it found them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from pfork.telemetry import set_identity
from pfork.telemetry.logs import SinkHandler


@pytest.fixture(autouse=True)
def untouched_loggers() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("pfork.error", "pfork.access")]
    before = [(list(one.handlers), one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.handlers = []
    yield
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in one.handlers:
            if isinstance(handler, SinkHandler):
                handler.close()
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)
    set_identity("")
