"""Floor 6: the front door, ``pfork``."""

from pfork.cli.main import main

__all__ = ["main"]
