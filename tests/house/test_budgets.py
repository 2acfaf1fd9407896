"""The budgets: what does not fit is two things."""

import ast

from .source import package_modules, test_modules

FILE_LINES = 399
FUNCTION_LINES = 60
EVERYTHING = (*package_modules(), *test_modules())


def test_files_stay_short():
    lengths = {str(module): len(module.text.splitlines()) for module in EVERYTHING}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_functions_stay_short():
    long = {
        f"{module}:{node.lineno} {node.name}": length
        for module in EVERYTHING
        for node in module.walk(ast.FunctionDef, ast.AsyncFunctionDef)
        if (length := node.end_lineno - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}
