"""App targets as text."""

import pytest

from pfork.base import AppTargetError
from pfork.workers.target import Call, Target, parse_target

FORMS = (
    "write module:attribute, module:create_app() or module:create_app('literal', name=1), "
    "with the module as in an import statement"
)

GOOD = {
    "app": Target("app", "app"),
    "a.b.c": Target("a.b.c", "a.b.c"),
    "app:app": Target("app:app", "app", ("app",)),
    "a.b:c.d.e": Target("a.b:c.d.e", "a.b", ("c", "d", "e")),
    "app:make()": Target("app:make()", "app", ("make",), Call((), {})),
    "app:a.make()": Target("app:a.make()", "app", ("a", "make"), Call((), {})),
    "app:make('x', -1, debug=True)": Target(
        "app:make('x', -1, debug=True)", "app", ("make",), Call(("x", -1), {"debug": True})
    ),
    "app:make([1, {'a': None}])": Target("app:make([1, {'a': None}])", "app", ("make",), Call(([1, {"a": None}],), {})),
    "app: app": Target("app: app", "app", ("app",)),
}

BAD = {
    "": "'' is not the name of a module",
    ":app": "'' is not the name of a module",
    "app.py": None,  # a module py of a package app: to be looked for
    "my-app:app": "'my-app' is not the name of a module",
    "a..b:app": "'a..b' is not the name of a module",
    "dir/app:app": "'dir/app' is not the name of a module",
    "app:": "'' is neither a name nor a call",
    "app:a b": "'a b' is neither a name nor a call",
    "app:a()()": "'a()' is not a name",
    "app:apps['x']": "'apps['x']' is not a name",
    "app:make(name)": "the argument name is not a literal",
    "app:make(x=other())": "the argument other() is not a literal",
    "app:make(**{})": "** cannot stand in a target",
    "app:make(*[1])": "the argument *[1] is not a literal",
    "app:1": "'1' is not a name",
}


@pytest.mark.parametrize(("text", "expected"), GOOD.items())
def test_a_target_is_taken_apart(text, expected):
    assert parse_target(text) == expected


@pytest.mark.parametrize(("text", "message"), [(text, message) for text, message in BAD.items() if message])
def test_what_is_no_target_is_refused_with_the_forms_there_are(text, message):
    with pytest.raises(AppTargetError) as caught:
        parse_target(text)
    assert str(caught.value) == f"app target '{text}': {message}"
    assert caught.value.hint == FORMS
