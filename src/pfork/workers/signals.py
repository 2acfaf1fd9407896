"""The signals of a worker: the arbiter commands through the channel, so most signals mean nothing here."""

from __future__ import annotations

import os
import signal

HARMLESS = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTTIN", "SIGTTOU")
"""A terminal sends INT, QUIT, HUP and WINCH to the whole process group, and people send the rest to every
process named pfork: the arbiter decides what they mean."""


class SignalPipe:
    """Takes SIGTERM and makes the HARMLESS signals so.

    The handlers are functions, not SIG_IGN: an ignored signal would stay ignored in every program that the
    app starts.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._terminated = False

    def install(self, *, spare: int = 0) -> None:
        """Take over; ``spare`` is the signal number that makes this process dump its stacks. Main thread
        only."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._note)
        for name in HARMLESS:
            number = getattr(signal, name)
            if number != spare:
                signal.signal(number, _ignore)
                # System calls of the app's C libraries go on: this signal never concerned them.
                signal.siginterrupt(number, False)

    def fileno(self) -> int:
        """Readable after a signal."""
        return self._reader

    def take(self) -> bool:
        """Whether a SIGTERM has come since the last time; empties the pipe."""
        try:
            while len(os.read(self._reader, 512)) == 512:
                pass
        except BlockingIOError:
            pass
        terminated, self._terminated = self._terminated, False
        return terminated

    def close(self) -> None:
        """Give the descriptors back; for tests, a worker keeps them to its end."""
        os.close(self._reader)
        os.close(self._writer)

    def _note(self, number: int, frame: object) -> None:
        """The wake-up descriptor has woken the loop already; but uvloop puts its own in its place while it
        runs."""
        self._terminated = True
        try:
            os.write(self._writer, b"\0")
        except OSError:
            pass


def _ignore(number: int, frame: object) -> None:
    pass
