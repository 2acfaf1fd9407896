"""What pfork logs while a test runs."""

import logging
from contextlib import contextmanager


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


@contextmanager
def recorded():
    """Take what is logged from here on, all of it."""
    logger = logging.getLogger("pfork.error")
    records = Records()
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(records)
    try:
        yield records
    finally:
        logger.removeHandler(records)
        logger.setLevel(level)
        logger.propagate = propagate
