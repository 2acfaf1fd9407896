"""Floor 4: the workers: the common life, the reactor, and the kinds sync, thread and async."""

from pfork.workers.main import check_app, worker_main
from pfork.workers.shift import Assignment

__all__ = ["Assignment", "check_app", "worker_main"]
