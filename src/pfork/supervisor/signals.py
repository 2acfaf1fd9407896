"""The one table of signals: what each asks for. Handlers do nothing; the wake-up descriptor carries the number."""

from __future__ import annotations

import signal

from pfork.control import Command

SIGNALS: dict[str, Command] = {
    "SIGTERM": Command.STOP,
    "SIGINT": Command.QUIT,
    "SIGQUIT": Command.QUIT,
    "SIGHUP": Command.RELOAD,
    "SIGUSR1": Command.REOPEN,
    "SIGTTIN": Command.SCALE_UP,
    "SIGTTOU": Command.SCALE_DOWN,
}
"""The meanings are those that users of Gunicorn and nginx know."""

IGNORED = ("SIGPIPE", "SIGUSR2", "SIGWINCH")
"""A closed log pipe must not end the arbiter; USR2 and WINCH are for upgrades, and would kill it or be noise now."""

DUMP_SIGNAL = int(signal.SIGRTMIN) + 5 if hasattr(signal, "SIGRTMIN") else int(signal.SIGUSR2)
"""Makes a worker write the stacks of its threads. A real-time signal, since apps use none of them."""


def command_of(number: int) -> Command | None:
    """The command that a signal stands for; None for one that only wakes (SIGCHLD)."""
    return SIGNALS.get(signal.Signals(number).name) if number in _KNOWN else None


def install() -> None:
    """Take over the arbiter's signals. Call after ``signal.set_wakeup_fd``."""
    for name in (*SIGNALS, "SIGCHLD"):
        signal.signal(getattr(signal, name), _noted)
    for name in IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)


def reset() -> None:
    """In a child: every signal as the system delivers it to a new program, none blocked."""
    signal.set_wakeup_fd(-1)
    for name in (*SIGNALS, "SIGCHLD", *IGNORED):
        if name != "SIGPIPE":  # Python itself ignores it: a closed connection is an exception, not a death
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _noted(number: int, frame: object) -> None:
    """The C-level handler has already written the number to the wake-up descriptor."""


_KNOWN = frozenset(int(number) for number in signal.Signals)
