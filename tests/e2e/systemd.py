"""A real systemd manager without a booted one: a user's, in namespaces of its own. Needs root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil

from tests.e2e.harness import PATIENCE_S

MANAGER = "/lib/systemd/systemd"

_BEGIN = f"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0
{MANAGER} --user &
wait
"""


def reason_to_skip() -> str:
    """Why it cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists(MANAGER):
        return "needs systemd"
    missing = [name for name in ("unshare", "nsenter", "systemctl") if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    probe = subprocess.run(["unshare", "-fpmC", "--mount-proc", "true"], capture_output=True, check=False)
    return "" if probe.returncode == 0 else "may not make namespaces here"


class Systemd:
    """A context manager. ``runtime`` is what the units call %t, as seen from outside of the namespace."""

    def __enter__(self):
        self._home = tempfile.TemporaryDirectory(prefix="systemd-")
        home = Path(self._home.name)
        self.units = home / ".config" / "systemd" / "user"
        self.units.mkdir(parents=True)
        self._env = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_RUNTIME_DIR": "/run/user/0"}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(str(home / "notify"))
            notified.settimeout(PATIENCE_S)
            self._process = subprocess.Popen(
                ["unshare", "-fpmC", "--mount-proc", "--kill-child", "sh", "-c", _BEGIN],
                env=self._env | {"NOTIFY_SOCKET": str(home / "notify")},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            while b"READY=1" not in notified.recv(4096):
                pass
        self.init = psutil.Process(self._process.pid).children()[0].pid
        self.runtime = Path(f"/proc/{self.init}/root/run/user/0")
        return self

    def __exit__(self, *exc_info):
        self._process.kill()  # and with it its child, the first process of the namespace: that ends all of them
        self._process.wait()
        self._home.cleanup()

    def control(self, *args: str) -> subprocess.CompletedProcess[str]:
        """systemctl --user."""
        enter = ["nsenter", "-t", str(self.init), "-m", "-p", "-C"]
        return subprocess.run(
            [*enter, "systemctl", "--user", *args], env=self._env, capture_output=True, text=True, check=False
        )

    def property(self, unit: str, name: str) -> str:
        return self.control("show", unit, "--property", name, "--value").stdout.strip()
