"""The project's own source, as the house tests look at it: parsed, never imported."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "pfork"
TESTS = ROOT / "tests"


@dataclass(frozen=True)
class Module:
    """A Python file. ``name`` is dotted, and set for the files of the package alone."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def place(self) -> str:
        """Where in the package: ``http1/reader.py``."""
        return str(self.path.relative_to(PACKAGE))

    @property
    def room(self) -> str:
        """``http1`` of ``pfork.http1.reader``; ``""`` of ``pfork`` itself."""
        return room_of(self.name)

    def walk(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        for node in ast.walk(self.tree):
            if isinstance(node, kinds):
                yield node

    def comments(self) -> Iterator[tuple[int, str]]:
        """Line number and text of every comment."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


@dataclass(frozen=True)
class Import:
    """One imported module; ``names`` are those taken from it, none for ``import x``."""

    line: int
    module: str
    names: tuple[str, ...]


def room_of(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


@cache
def package_modules() -> tuple[Module, ...]:
    """Every file of the package."""
    return tuple(_read(path, _dotted(path)) for path in sorted(PACKAGE.rglob("*.py")))


@cache
def test_modules() -> tuple[Module, ...]:
    """Every file of the tests."""
    return tuple(_read(path, "") for path in sorted(TESTS.rglob("*.py")))


test_modules.__test__ = False  # it is no test, whatever its name


def rooms() -> dict[str, Module]:
    """Room -> its door. A room is a directory of the package."""
    return {module.room: module for module in package_modules() if module.path == _door(module.room)}


def imports(module: Module) -> Iterator[Import]:
    """Every import of a file, inside functions and for type checkers too; relative ones made absolute."""
    for node in module.walk(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.lineno, _absolute(module, node), tuple(alias.name for alias in node.names))


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    is_package = module.path.name == "__init__.py"
    base = package[: len(package) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def _read(path: Path, name: str) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path, name, text, ast.parse(text, str(path)))


def _dotted(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _door(room: str) -> Path:
    return PACKAGE / room / "__init__.py" if room else PACKAGE / "__init__.py" / "none"
