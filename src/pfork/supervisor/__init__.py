"""Floor 4: the supervisor. Knows processes and the scoreboard; blind to sockets, HTTP and the application."""

from pfork.supervisor.arbiter import Arbiter
from pfork.supervisor.plan import Blueprint, Plan
from pfork.supervisor.signals import SIGNALS

__all__ = ["SIGNALS", "Arbiter", "Blueprint", "Plan"]
