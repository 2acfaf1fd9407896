"""What can be asked of a running pfork: one table for signals and, later, for the verbs of a control client."""

from __future__ import annotations

from enum import Enum


class Command(Enum):
    """A command, with its verb and one line of help."""

    STOP = ("stop", "Finish the requests in progress, then stop.")
    QUIT = ("quit", "Stop at once; requests in progress are cut.")
    RELOAD = ("reload", "Load settings and app anew; the old workers serve until the new ones are ready.")
    REOPEN = ("reopen", "Reopen the log files.")
    SCALE_UP = ("scale-up", "One worker more.")
    SCALE_DOWN = ("scale-down", "One worker less.")

    def __init__(self, verb: str, help: str) -> None:
        self.verb = verb
        self.help = help
