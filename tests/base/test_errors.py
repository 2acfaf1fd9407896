"""Errors know their exit code and say what to do."""

import pytest

from pfork import base


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ConfigError", 1), ("BindError", 1), ("KindError", 1), ("UsageError", 2),
        ("AppImportError", 3), ("BootError", 3), ("AppTargetError", 4),
    ],
)  # fmt: skip
def test_exit_codes_are_those_of_gunicorn(name, code):
    assert getattr(base, name)("x").exit_code == code


def test_an_error_renders_its_remedy_on_a_line_of_its_own():
    assert base.ConfigError("what", hint="Do this.").render() == "what\n  Do this."
    assert base.ConfigError("what").render() == "what"
