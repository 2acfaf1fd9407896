"""Floor 2: the vocabulary of commands, orders and reports. No process and no socket is touched here."""

from pfork.control.commands import Command
from pfork.control.messages import (
    BootFailed,
    Drain,
    MessageError,
    Order,
    Quit,
    ReopenLogs,
    Report,
    RetirementAsked,
    WorkerReady,
    decode,
    encode,
)
from pfork.control.seat import Seat, identity

__all__ = [
    "BootFailed",
    "Command",
    "Drain",
    "MessageError",
    "Order",
    "Quit",
    "ReopenLogs",
    "Report",
    "RetirementAsked",
    "Seat",
    "WorkerReady",
    "decode",
    "encode",
    "identity",
]
