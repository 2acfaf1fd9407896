"""The pidfile: tells others the arbiter's PID, and keeps a second server of the same name away."""

from __future__ import annotations

import fcntl
import os

from pfork.base import ConfigError


class Pidfile:
    """A file with this process's PID, locked while it lives.

    The lock decides, not the number: a PID left behind by a killed server may belong to anybody by now.
    """

    def __init__(self, path: str) -> None:
        """Raises ConfigError when the file cannot be written or another server holds it."""
        self.path = path
        try:
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(
                f"pidfile {path}: cannot be written: {error.strerror}",
                hint="Choose another --pid path, or make its directory and give this user the right to write there.",
            ) from error
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self.fd, 32, 0).decode(errors="replace").strip()
            os.close(self.fd)
            raise ConfigError(
                f"pidfile {path}: held by a running server (pid {holder or 'unknown'})",
                hint="Stop that server, or choose another --pid path.",
            ) from error
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, b"%d\n" % os.getpid(), 0)

    def close_in_child(self) -> None:
        """Forked children share the lock; a worker that outlives its arbiter must not hold it."""
        os.close(self.fd)

    def remove(self) -> None:
        """Remove the file, if it is still the one that was made, and let the lock go."""
        try:
            if os.path.samestat(os.stat(self.path), os.fstat(self.fd)):
                os.unlink(self.path)
        except OSError:
            pass
        os.close(self.fd)
