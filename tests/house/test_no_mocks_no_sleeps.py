"""Real processes and fakes: nothing is patched, and nobody waits for time to pass.

An app under test that has to be slow waits at a gate that the test opens (``tests/apps/gates.py``). No helper
sleeps either.
"""

import ast

from .source import imports, package_modules, test_modules

MOCKS = ("unittest.mock", "mock", "pytest_mock")
EVERYTHING = (*package_modules(), *test_modules())


def is_sleep(call: ast.Call) -> bool:
    """``time.sleep(...)`` and its like. ``asyncio.sleep(0)`` gives way to others and waits for nothing."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    gives_way = len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
    return name == "sleep" and not (gives_way and ast.unparse(call.func) in ("asyncio.sleep", "anyio.sleep"))


def test_nothing_is_mocked():
    wrong = [
        f"{module}:{one.line}: {one.module}"
        for module in EVERYTHING
        for one in imports(module)
        if one.module in MOCKS or (one.module == "unittest" and "mock" in one.names)
    ]
    wrong += [
        f"{module}:{node.lineno}: {ast.unparse(node)}"
        for module in EVERYTHING
        for node in module.walk(ast.Attribute)
        if ast.unparse(node) in ("monkeypatch.setattr", "monkeypatch.delattr", "mocker.patch")
    ]
    assert wrong == []


def test_nobody_sleeps():
    wrong = [
        f"{module}:{node.lineno}: {ast.unparse(node)}"
        for module in EVERYTHING
        for node in module.walk(ast.Call)
        if is_sleep(node)
    ]
    assert wrong == []


def test_the_rule_itself_knows_a_sleep():
    sleeps = ("time.sleep(1)", "sleep(0.1)", "asyncio.sleep(delay)", "time.sleep(0)", "gevent.sleep(1)")
    for text, expected in {
        **dict.fromkeys(sleeps, True),
        "asyncio.sleep(0)": False,
        "wait(1)": False,
    }.items():
        assert is_sleep(ast.parse(text, mode="eval").body) is expected, text
