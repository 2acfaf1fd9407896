"""The Date header's value, made once a second."""

from __future__ import annotations

import time
from typing import Final

# Not by strftime: its names follow the locale, these must not.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: int) -> bytes:
    """IMF-fixdate (RFC 9110 5.6.7) of seconds since the epoch: ``b"Sun, 06 Nov 1994 08:49:37 GMT"``."""
    year, month, day, hour, minute, second, weekday, _, _ = time.gmtime(seconds)
    text = f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
    return text.encode("ascii")


SERVER: Final = b"\r\nServer: pfork"


class Stamp:
    """The header lines of the server that every response gets: Server and Date, each beginning with CRLF."""

    __slots__ = ("_both", "_date", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._date = b""
        self._both = b""

    def both(self) -> bytes:
        """Server and Date of now. Threads may share it: whichever makes a second's lines makes the same."""
        second = int(time.time())
        if second != self._second:
            self._date = b"\r\nDate: " + http_date(second)
            self._both = SERVER + self._date
            self._second = second  # last: whoever finds this second finds its lines too
        return self._both

    def without(self, *, date: bool, server: bool) -> bytes:
        """As ``both``, for an application that sent a Date or a Server of its own."""
        self.both()
        return (b"" if server else SERVER) + (b"" if date else self._date)
