"""Types: the package is annotated throughout, and whoever switches a check off says why."""

import ast
import re

from .source import package_modules, test_modules

MARK = re.compile(r"#\s*(type:\s*ignore|noqa)\b(?P<codes>\[[\w, -]+\]|:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*)?")


def missing(node):
    """The arguments of a function that have no annotation, and ``return``."""
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args]
    if named and named[0].arg in ("self", "cls"):
        named = named[1:]
    named += [*arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    bare = [one.arg for one in named if one.annotation is None]
    return bare if node.returns is not None else [*bare, "return"]


def unreasoned(comment):
    """Whether a comment switches a check off without naming the check or without saying why."""
    marks = list(MARK.finditer(comment))
    if not marks:
        return False
    reason = MARK.sub("", comment).strip("# \t")
    return not reason or any(mark["codes"] is None for mark in marks)


def test_every_function_of_the_package_is_annotated():
    bare = {
        f"{module}:{node.lineno} {node.name}": names
        for module in package_modules()
        for node in module.walk(ast.FunctionDef, ast.AsyncFunctionDef)
        if (names := missing(node))
    }
    assert bare == {}


def test_a_check_is_switched_off_by_name_and_with_a_reason():
    wrong = [
        f"{module}:{line}: {comment}"
        for module in (*package_modules(), *test_modules())
        for line, comment in module.comments()
        if unreasoned(comment)
    ]
    assert wrong == []


def test_the_rule_itself_tells_good_from_bad():
    start = "# no" + "qa"
    assert unreasoned(start)
    assert unreasoned(f"{start}: BLE001")
    assert unreasoned(f"{start}  # because")
    assert not unreasoned(f"{start}: BLE001  # because")
    assert not unreasoned("# an ordinary comment")
