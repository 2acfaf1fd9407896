"""The doors: a room's ``__init__`` lists what the room offers, and does nothing else."""

import ast

import pytest

from .source import PACKAGE, imports, package_modules, room_of, rooms


def offered(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def ruffs_order(name: str) -> tuple[int, str]:
    """CONSTANTS, Classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("room", rooms())
def test_a_door_says_what_it_is_and_imports_what_it_lists(room):
    tree = rooms()[room].tree
    first, *others = tree.body
    assert ast.get_docstring(tree) is not None
    assert isinstance(first, ast.Expr)
    imported = []
    for node in others:
        if isinstance(node, ast.ImportFrom):
            imported += [alias.asname or alias.name for alias in node.names]
        else:
            assert ast.unparse(node).startswith("__all__ = "), "a door holds imports and __all__, nothing else"
    names = offered(tree)
    assert names, f"{room} has no __all__"
    assert names == sorted(names, key=ruffs_order)
    assert sorted(set(imported) - {"annotations"}) == sorted(names)


def test_what_others_take_is_on_offer():
    doors = rooms()
    wrong = [
        f"{module}:{one.line}: {name} is not in the __all__ of {one.module}"
        for module in package_modules()
        for one in imports(module)
        if (room := room_of(one.module)) in doors and room != module.room and one.module.startswith("pfork.")
        for name in one.names
        if name not in offered(doors[room].tree)
    ]
    assert wrong == []


def test_every_directory_of_the_package_is_a_room():
    directories = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert directories == set(rooms())
