"""The real nginx with conf/nginx.conf: the file itself, its addresses replaced by free ones."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from tests.e2e.harness import PATIENCE_S, ROOT, Address, wait_gone, witnesses

CONF = ROOT / "conf" / "nginx.conf"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Nginx:
    """One nginx, with ``directory`` as its ``-p``. Its two servers pass requests on over TCP and over a Unix socket.

    The ports are bound here and handed over, as nginx hands them to itself in an upgrade: nobody can take them between.
    """

    def __init__(self, directory: Path, backend: Address, unix_path: str):
        self.directory = directory
        self.is_over = False
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        for listener in self._listeners:
            listener.setblocking(False)  # nginx expects its own kind: in a blocking accept() it would wait for ever
        self.over_tcp, self.over_unix = (listener.getsockname() for listener in self._listeners)
        text = CONF.read_text()
        replaced = {
            "listen 127.0.0.1:8080": f"listen 127.0.0.1:{self.over_tcp[1]}",
            "listen 127.0.0.1:8081": f"listen 127.0.0.1:{self.over_unix[1]}",
            "server 127.0.0.1:8000": f"server {backend[0]}:{backend[1]}",
            "server unix:/run/pfork/pfork.sock": f"server unix:{unix_path}",
        }
        for old, new in replaced.items():
            assert text.count(old) == 1, f"conf/nginx.conf no longer has {old!r} once"
            text = text.replace(old, new)
        self._conf = directory.parent / "nginx.conf"
        self._conf.write_text(text)

    def __enter__(self):
        descriptors = [listener.fileno() for listener in self._listeners]
        command = [NGINX, "-p", self.directory.name, "-c", str(self._conf), "-g", "daemon off;"]
        self.process = subprocess.Popen(
            command,
            cwd=self.directory.parent,  # as the file's own instructions have it
            env={"PATH": os.environ["PATH"], "NGINX": "".join(f"{number};" for number in descriptors)},
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for listener in self._listeners:
            listener.close()
        witnesses.append(self)
        return self

    def __exit__(self, *exc_info):
        self.is_over = True
        self.process.send_signal(signal.SIGTERM)
        if not wait_gone(self.process.pid, PATIENCE_S):
            self.process.kill()
        self.stderr = self.process.communicate()[1].decode(errors="replace")

    def log(self, name: str) -> str:
        """The text of one of its logs."""
        path = self.directory / name
        return path.read_text(errors="replace") if path.exists() else ""

    def testimony(self) -> list[tuple[str, str]]:
        return [(f"nginx: {name}", self.log(name)) for name in ("error.log", "access.log")]
