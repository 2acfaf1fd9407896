"""Floor 3: the demo, which shows who answers: ``pfork.demo:app`` and, over ASGI, ``pfork.demo:asgi_app``."""

from pfork.demo.asgi import asgi_app
from pfork.demo.wsgi import app

__all__ = ["app", "asgi_app"]
