"""The characters of HTTP/1: what may be where.

``data.translate(None, NOT_IN_X) != data`` is the quickest way to ask whether a forbidden byte is in ``data``.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = bytes(range(0x20)) + b"\x7f"

NOT_IN_VALUE: Final = _CONTROL.replace(b"\t", b"")
"""A field value is VCHAR, obs-text, SP and HTAB (RFC 9110 5.5): no CR, LF, NUL or other control character."""

NOT_IN_TARGET: Final = _CONTROL + b" #"
"""More is allowed than by RFC 3986: clients do send raw UTF-8, ``|`` or ``{``, and no peer takes them for
anything else. But ``#``, which RFC 9112 3.2 does not allow either, ends the path for some servers and not for
others, and a rule in a proxy must see the path that the application sees."""

is_token: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
"""RFC 9110 5.6.2: the name of a header."""

is_method: Final = re.compile(rb"[!$%&'*+\-.^_`|~0-9A-Z]{3,20}").fullmatch
"""A token of 3 to 20 characters, without lower case and ``#``: methods are case-sensitive (RFC 9110 9.1), and
a ``get`` is more likely an attempt to pass a filter than a method of its own. Gunicorn has the same rule."""

is_host: Final = re.compile(
    rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=%]*"  # a name or an IPv4 address
    rb"|\[[0-9A-Fa-f:.]+\]"  # IPv6
    rb"|\[v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\])"  # a later version of IP
    rb"(?::[0-9]*)?"
).fullmatch
"""RFC 9112 3.2: uri-host [":" port]; it may be empty. No userinfo, no path, no space."""
