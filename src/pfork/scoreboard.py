"""The scoreboard: one shared mapping in which every worker shows what it does, and the arbiter reads it.

It replaces heartbeat files: a store costs a fraction of a microsecond, survives the death of either side and
needs no system call, so an idle worker need not wake up to be believed alive. It is made before the first
fork and inherited.

Layout, version 1. All words are 8 bytes in the machine's byte order, aligned, and have one writer each. The
parts follow each other in this order. What is read of many slots at once is dense, to fill few pages.

======  =====================  ==============================================================================
part    bytes                  words, and who writes them
======  =====================  ==============================================================================
header  4096                   arbiter: 0 magic ``PFORKSB1``; 1 layout version; 2 slots; 3 lanes; 4 high
                               water: slots from this one on are FREE; the rest is zero
heads   128 per slot           arbiter: 0 state; 1 generation; 2 pid; 3 started (ns); 4 drain order (0 or 1);
                               5-7 zero.
                               worker, on a cache line of its own: 8 beat (ns); 9 requests answered;
                               10 requests active; 11 connections; 12 kind (0 = not yet said); 13-15 zero
since   8 per lane of a slot   worker: when the request of the lane began (ns); 0 = the lane is free
lines   256 per lane of a      worker: 0 length of the text; then the text, at most 248 bytes: the request
        slot                   line
======  =====================  ==============================================================================

Times are nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.

Memory is given page by page at the first touch: slots and lanes that are never used cost address space only.

Rules of access. Words are read and written through ``memoryview.cast("Q")``, each one aligned 8-byte load or
store; not with ``struct.pack_into``, which clears the bytes first, so that a reader could see a zero that was
never meant. A lane's time is written last at its begin and first at its end. A text may be torn for an
unlucky reader: texts are for people, decisions rest on single words. An application may write anywhere, so
readers take nothing on trust.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import threading
from dataclasses import dataclass
from enum import IntEnum

_MAGIC = int.from_bytes(b"PFORKSB1", sys.byteorder)
_VERSION = 1
_WORD = 8
_HEADER_WORDS = 512
_HEAD_WORDS = 16
_HALF_HEAD = 8
_LINE_BYTES = 256
_TEXT_BYTES = _LINE_BYTES - _WORD

# Words of the header.
_HIGH_WATER = 4

# Words of a head.
_STATE, _GENERATION, _PID, _STARTED, _DRAIN = range(5)
_BEAT, _REQUESTS, _ACTIVE, _CONNECTIONS, _KIND = range(8, 13)

_KINDS = ("", "sync", "thread", "async")

NO_LANE = -1
"""What ``begin`` gives when every lane is taken: the request is counted, but not listed."""


class State(IntEnum):
    """What the arbiter has a slot for."""

    FREE = 0
    STARTING = 1
    READY = 2
    DRAINING = 3
    DYING = 4


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request in progress: its lane, its begin (ns, monotonic), its method and target (cut to fit)."""

    lane: int
    since_ns: int
    request_line: str


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot as it was at one moment.

    Counts and times are whatever the words held, and an app may have written there.
    ``state`` is DYING where its word makes no sense: neither capacity nor a slot to be used again.
    ``kind`` is "" before the worker has said it, and where its word makes no sense.
    ``beat_ns`` 0 means that there is nothing to watch. ``in_flight`` begins with the oldest request.
    """

    slot: int
    state: State
    generation: int
    pid: int
    started_ns: int
    beat_ns: int
    requests: int
    active: int
    connections: int
    kind: str
    in_flight: tuple[InFlight, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are: indexes count words, ``line`` counts bytes."""

    slots: int
    lanes: int

    def head(self, slot: int) -> int:
        if not 0 <= slot < self.slots:
            raise IndexError(f"slot {slot}: the scoreboard has slots 0 to {self.slots - 1}")
        return _HEADER_WORDS + slot * _HEAD_WORDS

    def since(self, slot: int) -> int:
        return _HEADER_WORDS + self.slots * _HEAD_WORDS + slot * self.lanes

    def line(self, slot: int) -> int:
        return self.since(self.slots) * _WORD + slot * self.lanes * _LINE_BYTES

    def size(self) -> int:
        return self.line(self.slots)


class Scoreboard:
    """The mapping, in the hands of the arbiter; ``writer`` makes the part that a worker gets.

    Not safe for several threads: the arbiter has one. A slot number out of range raises IndexError.
    """

    def __init__(self, slots: int, lanes: int) -> None:
        """Map a scoreboard for ``slots`` workers, each listing up to ``lanes`` requests in progress.

        Raises:
            OSError: there is not enough address space.
        """
        self.slots = slots
        self.lanes = lanes
        self._layout = _Layout(slots, lanes)
        self._mapping = _map(self._layout.size())
        self._words = memoryview(self._mapping).cast("Q")
        for index, value in enumerate((_MAGIC, _VERSION, slots, lanes)):
            self._words[index] = value
        self._high_water = 0  # the arbiter's own, since an app may write over the shared one
        self._empty_half = memoryview(bytes(_HALF_HEAD * _WORD)).cast("Q")
        self._empty_lanes = memoryview(bytes(lanes * _WORD)).cast("Q")

    def claim(self, slot: int, *, generation: int, now_ns: int) -> None:
        """Take a free slot for a worker that is about to be forked; what its last one left is wiped."""
        self._wipe(slot)
        head = self._layout.head(slot)
        words = self._words
        words[head + _GENERATION] = generation
        words[head + _STARTED] = now_ns
        words[head + _STATE] = State.STARTING
        self._high_water = max(self._high_water, slot + 1)
        words[_HIGH_WATER] = self._high_water

    def set_pid(self, slot: int, pid: int) -> None:
        """Say which process sits there."""
        self._words[self._layout.head(slot) + _PID] = pid

    def set_state(self, slot: int, state: State) -> None:
        """Say what the slot is for now."""
        self._words[self._layout.head(slot) + _STATE] = state

    def order_drain(self, slot: int) -> None:
        """Ask the worker to finish. It stays asked: a worker that misses the message still learns of it."""
        self._words[self._layout.head(slot) + _DRAIN] = 1

    def release(self, slot: int) -> None:
        """Free the slot. Its worker must be dead, or it would go on writing into the next one's words."""
        self._wipe(slot)
        words = self._words
        high = max(self._high_water, slot + 1)
        while high and words[self._layout.head(high - 1) + _STATE] == State.FREE:
            high -= 1
        words[_HIGH_WATER] = self._high_water = high

    def read(self, slot: int) -> SlotView:
        """The slot now. Never raises for what is written there."""
        head = self._layout.head(slot)
        values = self._words[head : head + _HEAD_WORDS].tolist()
        state, kind = values[_STATE], values[_KIND]
        return SlotView(
            slot=slot,
            state=State(state) if state <= State.DYING else State.DYING,
            generation=values[_GENERATION],
            pid=values[_PID],
            started_ns=values[_STARTED],
            beat_ns=values[_BEAT],
            requests=values[_REQUESTS],
            active=values[_ACTIVE],
            connections=values[_CONNECTIONS],
            kind=_KINDS[kind] if kind < len(_KINDS) else "",
            # The lanes of a free slot are not looked at: the kernel would have to give memory for the look.
            in_flight=self._in_flight(slot) if state != State.FREE else (),
        )

    def writer(self, slot: int, *, is_shared: bool = False) -> SlotWriter:
        """The worker's pen for its slot. It counts from zero, so each worker gets one of its own."""
        kind = SharedSlotWriter if is_shared else SlotWriter
        return kind(self._mapping, self._words, self._layout, slot)

    def _wipe(self, slot: int) -> None:
        """Zero a slot, the state before the rest, so that half a slot is never taken for a whole one.

        The texts stay: their lanes are free, and wiping them would give them memory.
        """
        head = self._layout.head(slot)
        since = self._layout.since(slot)
        words = self._words
        words[head + _STATE] = State.FREE
        words[head : head + _HALF_HEAD] = self._empty_half
        words[head + _HALF_HEAD : head + _HEAD_WORDS] = self._empty_half
        words[since : since + self.lanes] = self._empty_lanes

    def _in_flight(self, slot: int) -> tuple[InFlight, ...]:
        start = self._layout.since(slot)
        times = self._words[start : start + self.lanes].tolist()
        found = [InFlight(lane, since, self._text(slot, lane)) for lane, since in enumerate(times) if since]
        found.sort(key=lambda request: request.since_ns)
        return tuple(found)

    def _text(self, slot: int, lane: int) -> str:
        at = self._layout.line(slot) + lane * _LINE_BYTES
        length = min(self._words[at // _WORD], _TEXT_BYTES)
        return self._mapping[at + _WORD : at + _WORD + length].decode("utf-8", "replace")


class SlotWriter:
    """The worker's pen, for one thread; see SharedSlotWriter.

    The counts are kept here and only copied to the mapping: an app that writes there cannot lead them astray.
    """

    __slots__ = (
        "_active",
        "_free",
        "_head",
        "_line",
        "_mapping",
        "_requests",
        "_since",
        "_slots",
        "_words",
        "slot",
    )

    def __init__(self, mapping: mmap.mmap, words: memoryview[int], layout: _Layout, slot: int) -> None:
        self.slot = slot
        self._mapping = mapping
        self._words = words
        self._slots = layout.slots
        self._head = layout.head(slot)
        self._since = layout.since(slot)
        self._line = layout.line(slot)
        self._active = 0
        self._requests = 0
        # A stack: the lane freed last is taken first, so only as many lines are touched as are needed.
        self._free = list(range(layout.lanes - 1, -1, -1))

    @property
    def requests(self) -> int:
        """Requests answered since the worker started."""
        return self._requests

    @property
    def active(self) -> int:
        """Requests that the app works on."""
        return self._active

    def set_kind(self, kind: str) -> None:
        """Say what the worker is: "sync", "thread" or "async"; anything else raises ValueError."""
        self._words[self._head + _KIND] = _KINDS.index(kind)

    def beat(self, now_ns: int) -> None:
        """Show that the event loop turns; 0 = there is nothing to watch, so that an idle loop may sleep."""
        self._words[self._head + _BEAT] = now_ns

    def set_connections(self, count: int) -> None:
        """Say how many client connections are open."""
        self._words[self._head + _CONNECTIONS] = count

    def begin(self, now_ns: int, method: str, target: bytes) -> int:
        """Note that the app starts to work on a request. Returns its lane for ``end``.

        NO_LANE (-1) when all are taken: the request is counted, but the arbiter cannot see how long it takes.
        The text is the method and the raw target, cut to 248 bytes.
        """
        words = self._words
        self._active = active = self._active + 1
        words[self._head + _ACTIVE] = active
        if not self._free:
            return NO_LANE
        lane = self._free.pop()
        text = method.encode() + b" " + target
        length = len(text)
        if length > _TEXT_BYTES:
            text = text[:_TEXT_BYTES]
            length = _TEXT_BYTES
        at = self._line + lane * _LINE_BYTES
        words[at >> 3] = length
        self._mapping[at + _WORD : at + _WORD + length] = text
        words[self._since + lane] = now_ns
        return lane

    def end(self, lane: int) -> None:
        """Note that the request of a lane is done; once for each ``begin``, also where that gave NO_LANE."""
        words = self._words
        if lane != NO_LANE:
            words[self._since + lane] = 0
            self._free.append(lane)
        self._active = active = self._active - 1
        words[self._head + _ACTIVE] = active
        self._requests = requests = self._requests + 1
        words[self._head + _REQUESTS] = requests

    def is_draining(self) -> bool:
        """Whether the arbiter has asked this worker to finish."""
        return self._words[self._head + _DRAIN] != 0

    def has_idle_sibling(self, room: int = 1) -> bool:
        """Whether another ready worker of this generation has fewer than ``room`` requests in progress.

        At most one look at each slot below the high water; a busy sibling costs one load.
        """
        words = self._words
        mine = self._head
        generation = words[mine + _GENERATION]
        end = _HEADER_WORDS + min(words[_HIGH_WATER], self._slots) * _HEAD_WORDS
        for head in range(_HEADER_WORDS, end, _HEAD_WORDS):
            if (
                words[head + _ACTIVE] < room
                and words[head + _STATE] == State.READY
                and words[head + _GENERATION] == generation
                and head != mine
            ):
                return True
        return False


def _map(size: int) -> mmap.mmap:
    """Zeroed memory that this process and its children share."""
    fd = _memory_file(size)
    if fd is None:
        return mmap.mmap(-1, size)
    try:
        return mmap.mmap(fd, size)  # keeps a descriptor of its own
    finally:
        os.close(fd)


def _memory_file(size: int) -> int | None:
    """A descriptor of ``size`` bytes of memory; None where the system has no such thing.

    A named memory file shows in /proc what the memory is for, and can outlive an exec. Sealed, it keeps its
    size: could an app that finds the descriptor cut it, every reader would die of SIGBUS.
    """
    if sys.platform != "linux":
        return None
    try:
        fd = os.memfd_create("pfork-scoreboard", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:  # an old kernel, or a sandbox that does not allow it
        return None
    try:
        os.ftruncate(fd, size)
    except OSError:
        os.close(fd)
        raise
    try:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError:  # a sandboxed kernel without seals: as good as an anonymous mapping
        pass
    return fd


class SharedSlotWriter(SlotWriter):
    """A pen whose ``begin`` and ``end`` several threads may call. The lock costs as much as they do."""

    __slots__ = ("_lock",)

    def __init__(self, mapping: mmap.mmap, words: memoryview[int], layout: _Layout, slot: int) -> None:
        super().__init__(mapping, words, layout, slot)
        self._lock = threading.Lock()

    def begin(self, now_ns: int, method: str, target: bytes) -> int:
        with self._lock:
            return super().begin(now_ns, method, target)

    def end(self, lane: int) -> None:
        with self._lock:
            super().end(lane)
