"""Settings in Python, with Gunicorn's names, for values that have to be computed: ``pfork -c pfork.conf.py``.

Every variable that is named like a setting is one; all others are yours. conf/pfork.toml lists them all.
"""

import os

cores = os.cpu_count() or 1

wsgi_app = "app:app"
bind = [f"127.0.0.1:{os.environ.get('PORT', '8000')}"]

# A worker answers one request at a time and waits for databases and networks meanwhile: two for each core.
workers = int(os.environ.get("WEB_CONCURRENCY", 2 * cores + 1))

# More than one thread makes thread workers of it, for an app that mostly waits.
threads = 1

timeout = 30
graceful_timeout = 30
keepalive = 75

accesslog = "-"
errorlog = "-"
loglevel = "info"
