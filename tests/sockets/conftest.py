"""Listeners that are closed with their test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pfork.config import Address, BindSettings
from pfork.sockets import Listener, open_all

from .attempts import Opener


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Open listeners; they are closed with the test."""
    listeners: list[Listener] = []

    def opener(*bind: Address, umask: int = 0) -> tuple[Listener, ...]:
        found = open_all(BindSettings(bind=bind, umask=umask))
        listeners.extend(found)
        return found

    yield opener
    for listener in listeners:
        listener.close(unlink=False)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "s")
