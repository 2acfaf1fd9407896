"""Floor 2: the error log and the access log. Neither stops serving: what cannot be written is dropped."""

from pfork.telemetry.access import AccessLog
from pfork.telemetry.atoms import Exchange
from pfork.telemetry.logs import reopen_logs, set_identity, setup_logs

__all__ = ["AccessLog", "Exchange", "reopen_logs", "set_identity", "setup_logs"]
