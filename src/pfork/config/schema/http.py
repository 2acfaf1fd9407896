"""Settings of HTTP: what a client may send, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

from pfork.config.checks import at_least, positive
from pfork.config.kinds import integer, seconds
from pfork.config.row import setting

GIB = 2**30


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits (0 is unlimited) and deadlines of clients."""

    keepalive: float = setting(
        75.0,  # nginx's; more than the 60 s of common load balancers, so that they are the first to close
        seconds,
        flags=("--keep-alive",),
        metavar="SECONDS",
        unit="s",
        check=at_least(0),
        help="How long an idle connection waits for its next request; 0 closes after each response.",
    )
    header_timeout: float = setting(
        10.0,
        seconds,
        flags=("--header-timeout",),
        metavar="SECONDS",
        unit="s",
        check=positive,
        help="How long a client may take to send the head of a request.",
    )
    body_timeout: float = setting(
        30.0,
        seconds,
        flags=("--body-timeout",),
        metavar="SECONDS",
        unit="s",
        check=positive,
        help="How long a client may pause while it sends a body.",
    )
    send_timeout: float = setting(
        30.0,
        seconds,
        flags=("--send-timeout",),
        metavar="SECONDS",
        unit="s",
        check=positive,
        help="How long a client may pause while it reads a response.",
    )
    limit_request_line: int = setting(
        4094,  # Gunicorn's
        integer,
        flags=("--limit-request-line",),
        metavar="BYTES",
        unit="bytes",
        check=at_least(0),
        help="Longest request line; 0 is unlimited.",
    )
    limit_request_fields: int = setting(
        100,  # Gunicorn's
        integer,
        flags=("--limit-request-fields",),
        metavar="N",
        unit="headers",
        check=at_least(0),
        help="Most headers of a request; 0 is unlimited.",
    )
    limit_request_field_size: int = setting(
        8190,  # Gunicorn's
        integer,
        flags=("--limit-request-field_size", "--limit-request-field-size"),
        metavar="BYTES",
        unit="bytes",
        check=at_least(0),
        help="Longest header, name and value; 0 is unlimited.",
    )
    limit_request_body: int = setting(
        GIB,  # bodies go to a temporary file: a file upload fits, a full disk takes a while
        integer,
        flags=("--limit-request-body",),
        metavar="BYTES",
        unit="bytes",
        check=at_least(0),
        help="Longest body of a request; 0 is unlimited.",
    )
