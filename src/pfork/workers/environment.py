"""Where the app lives: its directory, its import path, its environment variables."""

from __future__ import annotations

import os
import sys

from pfork.base import ConfigError
from pfork.config import AppSettings


def enter(app: AppSettings) -> tuple[str, ...]:
    """Go to the app's directory, make it importable, set its variables.

    Returns the directories where the app's own modules are expected: the current one, then ``pythonpath``.

    Raises:
        ConfigError: the directory cannot be entered.
    """
    for assignment in app.raw_env:
        name, _, value = assignment.partition("=")
        os.environ[name] = value
    try:
        os.chdir(app.chdir)
        here = os.getcwd()
    except OSError as error:
        raise ConfigError(
            f"chdir = {app.chdir}: {error.strerror}", hint="name a directory that the worker's user may enter"
        ) from None
    directories = (here, *(os.path.abspath(entry) for entry in app.pythonpath))
    # pythonpath goes first, since its help says so; the current directory may be there already (python -m).
    sys.path[:] = [*directories[1:], here, *(entry for entry in sys.path if entry not in (*directories, ""))]
    # What the arbiter's process knew of any directory may be older than the app's newest files. The same as
    # importlib.invalidate_caches(), which on Python 3.13 imports importlib.metadata, 2.5 MB for each worker.
    sys.path_importer_cache.clear()
    return directories
