"""The command ``pfork``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol

import click

from pfork import __version__
from pfork.base import ConfigError, Exit, PforkError, UsageError
from pfork.cli.flags import absent_options, flags_given, row_options, visible_flags, write_help
from pfork.config import Loaded, Settings, Sources, describe, load, suggest

_ABOUT = """\
Serve a WSGI or ASGI app with supervised worker processes.

APP is MODULE:ATTRIBUTE, like app:app or project.wsgi:application. A MODULE alone means its application or its
app; MODULE:create_app() calls a factory.
"""

_MORE = """\
Defaults are in brackets. Settings come from, each stronger than the one before: defaults; a file (the one -c
names, or the first there is of pfork.toml, [tool.pfork] in pyproject.toml, pfork.conf.py, gunicorn.conf.py);
environment variables (PFORK_WORKERS=4); flags.
"""


class Bridge(Protocol):
    """What is called once the settings are known."""

    def serve(self, loaded: Loaded, reload: Callable[[], Loaded]) -> int:
        """Serve until stopped; the exit code. Raises PforkError when it cannot start."""

    def check_app(self, settings: Settings) -> None:
        """Load the app. Raises PforkError when that fails."""


class _Serve:
    """pfork.serve, imported when it is needed: ``pfork --help`` is quick without it."""

    def serve(self, loaded: Loaded, reload: Callable[[], Loaded]) -> int:
        from pfork.serve import serve

        return serve(loaded, reload)

    def check_app(self, settings: Settings) -> None:
        from pfork.serve import check_app

        check_app(settings)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of the command: its words, and what it may set going."""

    argv: tuple[str, ...]
    bridge: Bridge


class _Pfork(click.Command):
    """The command, with its options grouped as the settings are."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        help_option = self.get_help_option(ctx)
        write_help(formatter, ctx, [*_OWN, help_option] if help_option else _OWN)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"pfork {__version__}")
        ctx.exit()


_OWN = [
    click.Option(
        ["config", "-c", "--config"],
        metavar="FILE",
        help="File to load settings from, TOML or Python; also python:MODULE.",
    ),
    click.Option(["--check-config"], is_flag=True, help="Check the settings, load the app, and exit."),
    click.Option(["--print-config"], is_flag=True, help="Print all settings, with where they come from."),
    click.Option(
        ["-v", "--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version and exit.",
    ),
]


def _pfork(app: tuple[str, ...], config: str | None, check_config: bool, print_config: bool, **parameters: Any) -> int:
    call: _Call = click.get_current_context().obj
    flags = flags_given(parameters, app, call.argv)
    sources = Sources(_start_directory(), os.environ, flags, config)
    loaded = load(sources)
    ignored = [f"{word}: ignored; there can be one app, and it is {app[0]}" for word in app[1:]]
    loaded = replace(loaded, warnings=(*loaded.warnings, *ignored))
    if print_config or check_config:  # a server writes its warnings to its log
        for warning in loaded.warnings:
            _complain("warning", warning)
    if print_config:
        click.echo(describe(loaded))
        if not check_config:
            return Exit.OK
    if loaded.settings.app.wsgi_app is None:
        raise UsageError("no app is named", hint="Say pfork app:app, or set wsgi_app in pfork.toml.")
    if check_config:
        return _check_app(call.bridge, loaded.settings)

    def reload() -> Loaded:
        return load(replace(sources, environ=os.environ))

    return call.bridge.serve(loaded, reload)


def _check_app(bridge: Bridge, settings: Settings) -> int:
    try:
        bridge.check_app(settings)
    except PforkError as error:
        _report(error)
        return Exit.CONFIG  # whatever it is: the answer to a check is yes or no
    return Exit.OK


def _start_directory() -> str:
    """Where pfork was started, with the symbolic links the shell came by (as ``pwd -L`` says it)."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        raise ConfigError("the directory pfork was started in is gone", hint="Start it in another one.") from None
    logical = os.environ.get("PWD", "")
    return logical if os.path.isabs(logical) and _is_same(logical, here) else here


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


command = _Pfork(
    "pfork",
    params=[
        click.Argument(["app"], nargs=-1, metavar="APP"),
        *row_options(),
        *_OWN,
        *absent_options(),
    ],
    callback=_pfork,
    help=_ABOUT,
    epilog=_MORE,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(argv: Sequence[str], bridge: Bridge | None = None) -> int:
    """Run the command with these words and give its exit code. What goes wrong is told on stderr."""
    call = _Call(tuple(argv), bridge or _Serve())
    try:
        return int(command.main(list(argv), prog_name="pfork", standalone_mode=False, obj=call))
    except click.ClickException as error:
        _report(UsageError(_usage_message(error), hint="See pfork --help."))
        return Exit.USAGE
    except click.Abort:
        return 130  # 128 + SIGINT, as a shell counts
    except PforkError as error:
        _report(error)
        return error.exit_code


def _usage_message(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):  # click would suggest hidden options, too
        return f"no such option {error.option_name}{suggest(error.option_name, visible_flags(command))}"
    message = error.format_message().rstrip(".")
    return message[:1].lower() + message[1:]


def _report(error: PforkError) -> None:
    # A line of a ConfigError is a problem of its own; those of other errors (a traceback's) belong together.
    for message in str(error).splitlines() if isinstance(error, ConfigError) else [str(error)]:
        _complain("error", message)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)


def _complain(level: str, message: str) -> None:
    click.echo(f"pfork: {level}: {message}", err=True)


def main() -> NoReturn:
    """The entry point of ``pfork`` and ``python -m pfork``."""
    sys.exit(run(sys.argv[1:]))
