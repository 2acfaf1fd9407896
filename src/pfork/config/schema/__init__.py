"""The settings table: one module per group, one field per setting."""

from __future__ import annotations

from dataclasses import dataclass, field

from pfork.config.schema.app import AppSettings
from pfork.config.schema.binding import BindSettings
from pfork.config.schema.http import HttpSettings
from pfork.config.schema.logs import LogSettings
from pfork.config.schema.processes import ProcessSettings

__all__ = ["AppSettings", "BindSettings", "HttpSettings", "LogSettings", "ProcessSettings", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """All groups. A room receives its group, never the whole."""

    app: AppSettings = field(default=AppSettings(), metadata={"title": "Application"})
    binding: BindSettings = field(default=BindSettings(), metadata={"title": "Listening"})
    processes: ProcessSettings = field(default=ProcessSettings(), metadata={"title": "Processes"})
    http: HttpSettings = field(default=HttpSettings(), metadata={"title": "HTTP"})
    logs: LogSettings = field(default=LogSettings(), metadata={"title": "Logs"})
