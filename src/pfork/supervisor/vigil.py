"""Looking at the scoreboard for workers that are stuck, and telling what was found."""

from __future__ import annotations

import os

from pfork.base import NS_PER_S, ns
from pfork.scoreboard import SlotView

CONFIRM_NS = ns(0.1)
"""A worker is looked at twice before it is judged: after a suspension of the whole machine or container every request
looks old, and a tenth of a second lets it go on."""

_PACKAGE = f'File "{os.path.dirname(os.path.dirname(__file__))}{os.sep}'

DUMP_NS = ns(0.25)
"""Python's fault handler writes all stacks within 60 ms even when the GIL is held; then they are collected."""

TICK_NS = NS_PER_S
"""How often the scoreboard is read while anybody could be stuck."""


def overdue(view: SlotView, timeout_ns: int, now_ns: int) -> tuple[int, int] | None:
    """What in a worker is older than ``timeout_ns``: (lane, since). An async worker is judged by its event loop's beat
    (lane -1), the others by each request; None if nothing is."""
    if view.kind == "async":
        if view.beat_ns and now_ns - view.beat_ns > timeout_ns:
            return (-1, view.beat_ns)
        return None
    oldest = view.in_flight[0] if view.in_flight else None
    if oldest is not None and now_ns - oldest.since_ns > timeout_ns:
        return (oldest.lane, oldest.since_ns)
    return None


def tick_ns(timeout_ns: int) -> int:
    """How long the scoreboard may go unread: a second, or a quarter of a short timeout."""
    return min(TICK_NS, max(CONFIRM_NS, timeout_ns // 4))


def in_progress(view: SlotView, now_ns: int) -> str:
    """``; in progress: GET /report (12.4 s), POST /x (0.1 s)``, the oldest first, at most eight of them; or nothing."""
    requests = view.in_flight
    texts = [f"{item.request_line} ({(now_ns - item.since_ns) / NS_PER_S:.1f} s)" for item in requests[:8]]
    if len(requests) > 8:
        texts.append(f"and {len(requests) - 8} more")
    return f"; in progress: {', '.join(texts)}" if texts else ""


def collect_stacks(dump_fd: int) -> str:
    """The stacks written to a worker's memory file since the last time, innermost call first; empty if none were."""
    size = os.fstat(dump_fd).st_size
    text = os.pread(dump_fd, size, 0).decode(errors="replace").strip()
    os.ftruncate(dump_fd, 0)
    os.lseek(dump_fd, 0, os.SEEK_SET)  # the position is shared: the worker writes there too
    return without_server(text)


def without_server(stacks: str) -> str:
    """The stacks of the fault handler, each only down to where pfork called the app: what is below is the same in all
    of them. A thread that is in pfork's own code shows where."""
    lines: list[str] = []
    for block in stacks.split("\n\n"):
        head, *frames = block.split("\n")
        own = next((at for at, frame in enumerate(frames) if _PACKAGE in frame), len(frames))
        lines += [head, *frames[: own + 1]]
    return "\n".join(lines)
