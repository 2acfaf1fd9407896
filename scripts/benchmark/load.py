"""The load: wrk on a core of its own, with few or many request headers."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

# What a browser sends besides Host, which wrk sends by itself: 14 headers in all.
BROWSER_HEADERS = (
    "Connection: keep-alive",
    "Cache-Control: max-age=0",
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: navigate",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Cookie: sessionid=4v8k2m0s7x1q9z3b6n5c; csrftoken=Rk2bW8xYp0LqVtN4sZ7aJd1gHf5cMe9u; theme=dark",
)
HEADERS: dict[int, tuple[str, ...]] = {1: (), 14: BROWSER_HEADERS}

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Outcome:
    """What wrk counted. ``errors``: connections refused, cut or late, and answers other than 2xx and 3xx."""

    requests: int
    per_second: float
    p99_ms: float
    errors: int


def run_wrk(port: int, headers: int, *, core: int, connections: int, seconds: int) -> Outcome:
    """Load the server on ``port`` for some seconds. Raises CalledProcessError when wrk itself fails."""
    options = [part for header in HEADERS[headers] for part in ("-H", header)]
    command = ["taskset", "-c", str(core), "wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += [*options, f"http://127.0.0.1:{port}/"]
    return parse(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def parse(text: str) -> Outcome:
    """Read wrk's report."""
    requests = _find(r"(\d+) requests in", text)
    per_second = _find(r"Requests/sec:\s+([\d.]+)", text)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = sum(map(int, broken.groups())) if broken else 0
    errors += int(refused[1]) if refused else 0
    p99_ms = float(late[1]) * _UNITS_MS[late[2]] if late else float("nan")
    return Outcome(int(requests), float(per_second), p99_ms, errors)


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk's report has no {pattern!r}:\n{text}")
    return match[1]
