"""Floor 1: the settings table, and how settings are loaded."""

from pfork.config.addresses import Address, AddressError, FdAddress, TcpAddress, UnixAddress, parse_address
from pfork.config.gunicorn import ABSENT, Absent
from pfork.config.load import Loaded, load
from pfork.config.plain import Change, changes, from_plain, to_plain
from pfork.config.row import Row
from pfork.config.schema import (
    AppSettings,
    BindSettings,
    HttpSettings,
    LogSettings,
    ProcessSettings,
    Settings,
)
from pfork.config.sources import Flag, Origin, Sources
from pfork.config.suggest import suggest
from pfork.config.table import GROUPS, ROWS, rows_of
from pfork.config.text import describe, sample_toml

__all__ = [
    "ABSENT",
    "GROUPS",
    "ROWS",
    "Absent",
    "Address",
    "AddressError",
    "AppSettings",
    "BindSettings",
    "Change",
    "FdAddress",
    "Flag",
    "HttpSettings",
    "Loaded",
    "LogSettings",
    "Origin",
    "ProcessSettings",
    "Row",
    "Settings",
    "Sources",
    "TcpAddress",
    "UnixAddress",
    "changes",
    "describe",
    "from_plain",
    "load",
    "parse_address",
    "rows_of",
    "sample_toml",
    "suggest",
    "to_plain",
]
