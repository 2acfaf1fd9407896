"""What pfork logs while a test runs."""

import logging

import pytest


class Records(logging.Handler):
    """Keeps what is logged, as text with the traceback."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.entries = []

    def emit(self, record):
        text = logging.Formatter().format(record)
        self.entries.append((record.levelname, text))

    def of(self, *levels):
        return [text for level, text in self.entries if level in levels]

    @property
    def problems(self):
        return self.of("WARNING", "ERROR", "CRITICAL")


@pytest.fixture
def log():
    logger = logging.getLogger("pfork.error")
    records = Records()
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(records)
    yield records
    logger.removeHandler(records)
    logger.setLevel(level)
    logger.propagate = propagate
