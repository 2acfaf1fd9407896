"""What sync and thread workers do for each request: have the app answer it, and let the arbiter see it."""

from __future__ import annotations

import io
import time
from typing import Final

from pfork.base import ns
from pfork.workers.connection import Connection, Ending
from pfork.workers.shift import Shift
from pfork.wsgi import AbortConnection, WsgiGateway

QUICK_NS: Final = ns(0.002)
"""A kept-alive connection ties its client to this worker, where the next request may have to wait while other
workers are idle. That costs about as much as the app takes on average; a new connection costs a tenth of a
millisecond. Measured with four sync workers, 10 % of the requests taking 200 ms and the rest 1 ms: with this rule
the 99th percentile was 145-158 ms, an ideal single queue had 133-144, and keeping every connection 483."""

_WEIGHT: Final = 5
"""The average moves by 1/32 of the difference: long enough to see one slow request in ten all the time."""


class Answerer:
    """Calls the app, in any thread, and knows how long it takes.

    Attributes:
        is_quick: the app takes so little time, on average, that waiting for this worker costs next to nothing.
    """

    def __init__(self, shift: Shift, *, multithread: bool) -> None:
        assignment = shift.assignment
        self.gateway = WsgiGateway(
            shift.application,
            http=assignment.http,
            multithread=multithread,
            multiprocess=assignment.processes.workers > 1,
            access_log=shift.access_log,
            extra_environ={"pfork.worker": shift.info},
        )
        self.is_quick = True
        self._slot = assignment.slot
        self._average_ns = 0

    def answer(self, connection: Connection) -> Ending:
        """Have the request of a connection answered. Returns what is to become of the connection."""
        reader = connection.reader
        started_ns = time.monotonic_ns()
        lane = self._slot.begin(started_ns, reader.method, reader.target)
        try:
            keep = self.gateway.run(reader, connection.body or io.BytesIO(), connection.outlet)
        except AbortConnection:
            # Only a reset tells an HTTP/1.0 client, whose response may end with the connection, that it is not
            # whole.
            return Ending.CLOSE if reader.http11 else Ending.RESET
        finally:
            self._slot.end(lane)
            # Two threads may overwrite each other's step, which an average survives.
            average_ns = self._average_ns
            average_ns += (time.monotonic_ns() - started_ns - average_ns) >> _WEIGHT
            self._average_ns = average_ns
            self.is_quick = average_ns < QUICK_NS
        return Ending.KEEP if keep else Ending.CLOSE
