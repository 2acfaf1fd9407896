"""What pfork logs while a test runs."""

import pytest

from .records import recorded


@pytest.fixture
def log():
    with recorded() as records:
        yield records
