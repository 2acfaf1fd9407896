"""The "did you mean" of all messages."""

from __future__ import annotations

from collections.abc import Iterable


def suggest(word: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """``; did you mean NAME?`` for the name nearest to a word, or nothing."""
    import difflib  # only when something is wrong: the arbiter of a sound configuration does without it

    near = difflib.get_close_matches(word, names, n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""
