"""The tables: medians over the rounds, and the targets they are held against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run of wrk against one server: times in the unit of the name, memory in MiB."""

    server: str
    round: int
    headers: int
    cpu_us: float
    per_second: float
    p99_ms: float
    errors: int
    arbiter_rss: float | None
    worker_rss: float
    worker_private: float


@dataclass(frozen=True)
class Target:
    """``server``'s ``measure`` with 14 headers is at most ``limit``, or ``limit`` times ``rival``'s."""

    server: str
    measure: str
    limit: float
    rival: str = ""

    def __str__(self) -> str:
        beside = f" / {self.rival}" if self.rival else ""
        return f"{self.server}{beside}, {self.measure}"


TARGETS = (
    Target("pfork-sync", "cpu_us", 0.15, "gunicorn-gthread"),
    Target("pfork-sync", "cpu_us", 1.2, "granian-wsgi"),
    Target("pfork-async", "cpu_us", 0.75, "uvicorn"),
    Target("pfork-sync", "arbiter_rss", 20),
    Target("pfork-sync", "worker_rss", 20),
    Target("pfork-sync", "worker_private", 6),
)

COLUMNS = (
    ("cpu_us", "CPU us/req", "{:.1f}"),
    ("per_second", "req/s", "{:.0f}"),
    ("p99_ms", "p99 ms", "{:.2f}"),
    ("arbiter_rss", "arbiter MiB", "{:.1f}"),
    ("worker_rss", "worker MiB", "{:.1f}"),
    ("worker_private", "private MiB", "{:.1f}"),
    ("errors", "errors", "{:.0f}"),
)
WORST_HEADERS = 14


def table(samples: Sequence[Sample], headers: int, notes: dict[str, str]) -> str:
    """One line for each server, in the order in which they were measured first."""
    names = list(dict.fromkeys(sample.server for sample in samples))
    lines = [["server", *(title for _, title, _ in COLUMNS)]]
    for name in names:
        values = [_middle(samples, name, headers, measure) for measure, _, _ in COLUMNS]
        pairs = zip(values, COLUMNS, strict=True)
        lines.append([name, *("-" if value is None else form.format(value) for value, (_, _, form) in pairs)])
    title = f"{headers} request header{'s' if headers > 1 else ''}, median of the rounds"
    remarks = [f"{name} {notes[name]}." for name in names if notes.get(name)]
    return "\n".join([title, *_aligned(lines), *remarks])


def verdicts(samples: Sequence[Sample]) -> str:
    """The targets whose servers were measured, and whether they hold."""
    lines = [["target (14 headers)", "measured", "at most", ""]]
    for target in TARGETS:
        value = _middle(samples, target.server, WORST_HEADERS, target.measure)
        if value is not None and target.rival:
            rival = _middle(samples, target.rival, WORST_HEADERS, target.measure)
            value = None if rival is None else value / rival
        if value is not None:
            word = "holds" if value <= target.limit else "MISSED"
            lines.append([str(target), f"{value:.2f}", f"{target.limit:g}", word])
    return "\n".join(_aligned(lines)) if len(lines) > 1 else ""


def _middle(samples: Iterable[Sample], server: str, headers: int, measure: str) -> float | None:
    values = [
        value
        for sample in samples
        if (sample.server, sample.headers) == (server, headers) and (value := getattr(sample, measure)) is not None
    ]
    return median(values) if values else None


def _aligned(lines: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        ).rstrip()
        for cells in lines
    ]
