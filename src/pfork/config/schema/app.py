"""Settings of the application: what is loaded, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pfork.config.checks import app_target, assignments, rooted
from pfork.config.kinds import choice, optional_text, text, texts, url_prefix
from pfork.config.row import setting


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What is loaded, from where, and in which environment."""

    wsgi_app: str | None = setting(
        None,
        optional_text,
        metavar="MODULE:ATTRIBUTE",
        check=app_target,
        aliases=("app",),
        help="The app, WSGI or ASGI, when the command line names none.",
    )
    chdir: str = setting(
        ".",
        text,
        flags=("--chdir",),
        metavar="DIR",
        help="Directory the app is loaded from and runs in.",
    )
    pythonpath: tuple[str, ...] = setting(
        (),
        texts,
        flags=("--pythonpath",),
        metavar="DIR[,DIR...]",
        help="Directories to import from, before all others.",
    )
    raw_env: tuple[str, ...] = setting(
        (),
        texts,
        flags=("-e", "--env"),
        metavar="NAME=VALUE",
        check=assignments,
        repeats=True,
        help="Environment variables to set for the app.",
    )
    root_path: str = setting(
        "",
        url_prefix,
        flags=("--root-path",),
        metavar="PATH",
        check=rooted,
        help="The URL path the app is mounted at, for ASGI.",
    )
    asgi_lifespan: Literal["auto", "on", "off"] = setting(
        "auto",
        choice("auto", "on", "off"),
        flags=("--asgi-lifespan",),
        metavar="auto|on|off",
        help="Whether the ASGI lifespan runs; auto runs it if the app knows it.",
    )
