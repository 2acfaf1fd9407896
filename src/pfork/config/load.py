"""Load settings: defaults < file < PFORK_* variables < flags. Everything that is wrong is told at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pfork.base import ConfigError
from pfork.config import environment, python_file, toml_file
from pfork.config.gunicorn import ABSENT, note_absent_flag
from pfork.config.schema import Settings
from pfork.config.sources import DEFAULT, Findings, Flag, Given, Origin, Sources, shown
from pfork.config.table import ROWS, assemble

PYPROJECT = "pyproject.toml"

FOUND_BY_NAME = ("pfork.toml", PYPROJECT, "pfork.conf.py", "gunicorn.conf.py")
"""The files that are looked for where pfork starts, when none is named. Only the first is read;
pyproject.toml is one if it has a table [tool.pfork]."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Sound settings, where each value came from, what seems odd, and the file that was read."""

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...]
    file: str | None


def load(sources: Sources) -> Loaded:
    """The settings these sources give.

    Raises:
        ConfigError: something is wrong; the message has a line for everything that is.
    """
    findings = Findings()
    file = _take_file(sources, findings)
    environment.take(sources.environ, findings)
    for flag in sources.flags:
        _take_flag(flag, findings)
    _take_standards(sources.environ, findings)
    given = _latest(findings)
    values = {name: item.value for name, item in given.items()}
    values["chdir"] = _start_directory(given.get("chdir"), sources.directory, findings)
    if findings.problems:
        raise ConfigError("\n".join(findings.problems))
    _warn_of_idle_threads(given, findings)
    origins = {name: given[name].origin if name in given else DEFAULT for name in ROWS}
    return Loaded(assemble(values), origins, tuple(findings.warnings), file)


def _take_file(sources: Sources, findings: Findings) -> str | None:
    """Read the file that is named, or the first that is found. Its name, as messages have it."""
    config, named = sources.config, f"-c {sources.config}"
    if config is None and (config := sources.environ.get(environment.CONFIG) or None):
        named = f"{environment.CONFIG}={config}"
    if config is None:
        return next((name for name in FOUND_BY_NAME if _take_found(name, sources.directory, findings)), None)
    if config.startswith("python:"):
        python_file.take_module(config.removeprefix("python:"), sources.directory, findings)
        return config
    label = config.removeprefix("file:")
    path = os.path.join(sources.directory, label)
    if not os.path.isfile(path):
        reason = "must be a file, not a directory" if os.path.isdir(path) else f"no such file ({path})"
        findings.problems.append(f"{named}: {reason}")
    elif not label.endswith(".toml"):
        python_file.take(path, label, sources.directory, findings)
    elif not _take_toml(path, label, findings):
        findings.problems.append(f"{named}: has no table [tool.pfork]")
    return label


def _take_found(name: str, directory: str, findings: Findings) -> bool:
    path = os.path.join(directory, name)
    if not os.path.isfile(path):
        return False
    if name.endswith(".toml"):
        return _take_toml(path, name, findings)
    python_file.take(path, name, directory, findings)
    return True


def _take_toml(path: str, label: str, findings: Findings) -> bool:
    """Whether the file is pfork's, or has a part that is."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        document: Any = toml_file.parse(data, label)
    except OSError as error:
        findings.problems.append(f"{label}: {error.strerror}")
        return True
    except toml_file.BrokenToml as error:
        findings.problems.append(str(error))
        return True
    section = ""
    if os.path.basename(path) == PYPROJECT:
        section = "tool.pfork"
        tool = document.get("tool")
        document = tool.get("pfork") if isinstance(tool, dict) else None
        if not isinstance(document, dict):
            return False
    toml_file.take(document, data.decode(), section, label, findings)
    return True


def _take_flag(flag: Flag, findings: Findings) -> None:
    if flag.name in ABSENT:
        note_absent_flag(flag, findings)
        return
    row = ROWS[flag.name]
    texts = flag.text if isinstance(flag.text, tuple) else (flag.text,)
    written = shown(" ".join(f"{flag.flag} {text}".lstrip() for text in texts))
    origin = Origin("flag", flag.flag or "command line")
    read = partial(row.read, texts) if row.repeats else partial(row.parse, texts[0])
    findings.take(row, read, origin, written)


def _take_standards(environ: Mapping[str, str], findings: Findings) -> None:
    """What platforms set counts where nothing else does. Only then it has to be sound: it is not pfork's."""
    given = _latest(findings)
    for name, row in ROWS.items():
        if name not in given:
            environment.take_standard(row, environ, findings)


def _latest(findings: Findings) -> dict[str, Given]:
    return {item.row.name: item for item in findings.given}


def _start_directory(given: Given | None, directory: str, findings: Findings) -> Any:
    """``chdir`` in full, so that it means the same in every process. Symbolic links stay as they are written:
    when a release directory is exchanged behind one, the next reload is to find the new release."""
    if given is None:
        return directory
    path = os.path.join(directory, given.value)
    if not os.path.isdir(path):
        findings.problems.append(f"{given.written}: must be a directory; there is none at {path}")
    return path


def _warn_of_idle_threads(given: Mapping[str, Given], findings: Findings) -> None:
    threads, kind = given.get("threads"), given.get("worker_class")
    if threads and kind and threads.value > 1 and kind.value in {"sync", "async"}:
        findings.warnings.append(
            f"{threads.written}: ignored by {kind.value} workers; choose worker_class = thread to use them"
        )
