"""Attempts to listen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pfork.base import BindError
from pfork.config import Address, BindSettings
from pfork.sockets import Listener, open_all

Opener = Callable[..., tuple[Listener, ...]]


def failure(*bind: Address) -> str:
    """What is said when these addresses cannot be listened on."""
    with pytest.raises(BindError) as caught:
        open_all(BindSettings(bind=bind))
    return caught.value.render()
