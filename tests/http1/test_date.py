"""Dates, against the standard library's."""

from email.utils import formatdate

import pytest

from pfork.http1.date import http_date


@pytest.mark.parametrize(
    "seconds", [0, 784111777, 951782399, 951782400, 1709164800, 2147483648, *range(0, 10**10, 234567891)]
)
def test_a_date_is_an_imf_fixdate(seconds):
    assert http_date(seconds).decode() == formatdate(seconds, usegmt=True)
