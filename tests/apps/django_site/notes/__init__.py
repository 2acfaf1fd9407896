"""The one model of the test project. It has no migrations: ``migrate --run-syncdb`` makes its table."""
