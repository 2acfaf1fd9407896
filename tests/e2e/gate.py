"""The test's end of tests/apps/gates.py: a Unix socket at which apps report, and wait."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import quote

PATIENCE_S = 30.0


class Visit:
    """One app that came to the gate: what it said, and its process. If it came by ``hold``, it waits for ``let_go``."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        connection.settimeout(PATIENCE_S)
        with connection.makefile("r") as stream:
            pid, _, self.name = stream.readline().rstrip("\n").partition(" ")
        self.pid = int(pid)

    def let_go(self) -> None:
        self._connection.close()

    def wait_gone(self) -> None:
        """Until the app's process has ended or dropped the connection."""
        try:
            rest = self._connection.recv(1)
        except ConnectionResetError:
            rest = b""
        assert rest == b""


class Gate:
    """A context manager. ``path`` is what the app is given."""

    def __enter__(self):
        self._directory = tempfile.mkdtemp(prefix="gate-")
        self.path = str(Path(self._directory) / "gate")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(128)
        self._listener.settimeout(PATIENCE_S)
        self._visits: list[Visit] = []
        return self

    def __exit__(self, *exc_info):
        self._listener.close()
        for visit in self._visits:
            visit.let_go()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def query(self) -> str:
        """``gate=...``, quoted for a URL."""
        return "gate=" + quote(self.path, safe="")

    def wait(self) -> Visit:
        """The next app that comes."""
        connection, _ = self._listener.accept()
        visit = Visit(connection)
        self._visits.append(visit)
        return visit
