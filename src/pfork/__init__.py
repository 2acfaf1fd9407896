"""pfork: a pre-fork process manager and application server for Python."""

__version__ = "0.1.0"
