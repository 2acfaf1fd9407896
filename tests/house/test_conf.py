"""The files in conf/ against the settings table: what they promise about pfork's times and flags is so."""

import re

from pfork.config import ROWS

from .source import ROOT

UNIT = (ROOT / "conf" / "systemd" / "pfork.service").read_text(encoding="utf-8")
NGINX = (ROOT / "conf" / "nginx.conf").read_text(encoding="utf-8")


def unit(name):
    return re.search(rf"^{name}=(.*)$", UNIT, re.MULTILINE)[1]


def nginx_seconds(directive):
    return [int(value) for value in re.findall(rf"^\s*{directive} (\d+)s;", NGINX, re.MULTILINE)]


def test_systemd_waits_longer_than_pfork_does():
    assert int(unit("TimeoutStopSec")) > ROWS["graceful_timeout"].default


def test_systemd_starts_pfork_with_flags_that_there_are():
    flags = re.findall(r" (--?[a-z-]+)", unit("ExecStart"))
    assert len(flags) > 2
    assert set(flags) <= {flag for row in ROWS.values() for flag in row.flags}


def test_nginx_closes_idle_connections_before_pfork_does():
    kept = nginx_seconds("keepalive_timeout")
    assert len(kept) == NGINX.count("upstream ")
    assert max(kept) < ROWS["keepalive"].default


def test_nginx_waits_longer_for_an_answer_than_pfork_does():
    assert min(nginx_seconds("proxy_read_timeout")) > ROWS["timeout"].default
