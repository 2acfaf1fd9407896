"""``python -m pfork``: the same as the ``pfork`` command."""

from pfork.cli import main

if __name__ == "__main__":
    main()
