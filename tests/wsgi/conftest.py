"""Every test of this room can ask for ``log``: what the gateway said in the error log."""

import pytest

from .fakes import error_log


@pytest.fixture
def log():
    with error_log() as records:
        yield records
