"""App targets, as people write them.

====================================  =============================================================
target                                what is meant
====================================  =============================================================
``module``                            its ``application``, or else its ``app``
``package.module:name``               an attribute
``module:name.inner``                 an attribute of an attribute
``module:create_app()``               what the factory returns
``module:create_app("prod", n=2)``    the same, with literal arguments
====================================  =============================================================
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from pfork.base import AppTargetError

_FORMS = (
    "write module:attribute, module:create_app() or module:create_app('literal', name=1), "
    "with the module as in an import statement"
)


class Call(NamedTuple):
    """The arguments of a factory."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Target(NamedTuple):
    """A target, taken apart. ``names`` is empty where only the module is given; ``call`` is set for a
    factory."""

    text: str
    module: str
    names: tuple[str, ...] = ()
    call: Call | None = None


def parse_target(text: str) -> Target:
    """Take a target apart.

    Raises:
        AppTargetError: it is not one.
    """
    module, colon, attribute = text.partition(":")
    try:
        if not all(part.isidentifier() for part in module.split(".")):
            raise ValueError(f"'{module}' is not the name of a module")
        if not colon:
            return Target(text, module)
        try:
            node = ast.parse(attribute.strip(), mode="eval").body
        except SyntaxError:
            raise ValueError(f"'{attribute}' is neither a name nor a call") from None
        call = None
        if isinstance(node, ast.Call):
            call = _call(node)
            node = node.func
        return Target(text, module, _dotted(node), call)
    except ValueError as error:
        raise AppTargetError(f"app target '{text}': {error}", hint=_FORMS) from None


def _dotted(node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        return (*_dotted(node.value), node.attr)
    raise ValueError(f"'{ast.unparse(node)}' is not a name")


def _call(node: ast.Call) -> Call:
    args = tuple(_literal(argument) for argument in node.args)
    kwargs = {str(keyword.arg): _literal(keyword.value) for keyword in node.keywords if keyword.arg}
    if len(kwargs) < len(node.keywords):
        raise ValueError("** cannot stand in a target")
    return Call(args, kwargs)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"the argument {ast.unparse(node)} is not a literal") from None
