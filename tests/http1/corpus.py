"""The corpus: what a client may send, what is made of it, and what is refused.

``VALID`` and ``INVALID`` are plain tables. The tests of this folder feed them to a reader, whole and in pieces;
``tests/compliance`` sends them to real workers of every kind. All cases stand with the default limits. A new case is
a new row in ``accepted.py`` or ``refused.py``, written in the bytes that go over the wire.
"""

from .accepted import ACCEPTED
from .cases import Invalid, Parsed, Valid
from .refused import REFUSED

__all__ = ["INVALID", "VALID", "Invalid", "Parsed", "Valid"]

VALID: tuple[Valid, ...] = ACCEPTED
INVALID: tuple[Invalid, ...] = REFUSED
