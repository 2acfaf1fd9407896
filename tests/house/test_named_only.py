"""What is named in one place only: whoever asks who forks, kills, exits or parses has one file to read."""

import ast
from fnmatch import fnmatch

from .source import Module, imports, package_modules

# A module -> the files that may import it.
MODULES = {
    "httptools": "http1/*",
    "uvloop": "workers/async*",
    "click": "cli/*",
    "psutil": "*",
    "setproctitle": "*",
}

# A name of os or sys -> the files that may use it.
PROCESS = "base/posix.py"
NAMES = {
    **dict.fromkeys(("os.fork", "os.forkpty", "os.kill", "os.killpg", "os.abort", "os._exit"), PROCESS),
    **dict.fromkeys(("os.wait", "os.wait3", "os.wait4", "os.waitid", "os.waitpid"), PROCESS),
    **dict.fromkeys(("os.execv", "os.execve", "os.execvp", "os.posix_spawn", "os.system", "os.popen"), PROCESS),
    "sys.exit": "cli/*",
}

# Where any exception is caught, and whose. A handler that ends by raising it again is no border.
BORDERS = {
    "asgi/http.py": "the app's",
    "asgi/lifespan.py": "the app's",
    "config/python_file.py": "a Python configuration file's",
    "supervisor/spawn.py": "a child's, before it ends",
    "telemetry/logs.py": "a log call's, whose arguments may be the app's",
    "workers/appload.py": "the app's, while it is imported or made",
    "workers/main.py": "a worker's, before it ends",
    "workers/thread.py": "a thread's, so that the others go on",
    "wsgi/gateway.py": "the app's",
}


def uses(module: Module) -> list[tuple[int, str]]:
    """``os.kill`` and the like, also as ``from os import kill``."""
    found = [
        (node.lineno, f"{node.value.id}.{node.attr}")
        for node in module.walk(ast.Attribute)
        if isinstance(node.value, ast.Name)
    ]
    return found + [(one.line, f"{one.module}.{name}") for one in imports(module) for name in one.names]


def catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    broad = any(one is None or ast.unparse(one) in ("Exception", "BaseException") for one in caught)
    last = handler.body[-1]
    return broad and not (isinstance(last, ast.Raise) and last.exc is None)


def test_modules_are_imported_where_they_belong():
    wrong = [
        f"{module}:{one.line}: {one.module}"
        for module in package_modules()
        for one in imports(module)
        if (pattern := MODULES.get(one.module.split(".")[0])) and not fnmatch(module.place, pattern)
    ]
    assert wrong == []


def test_process_calls_and_exits_are_named_in_one_place():
    wrong = [
        f"{module}:{line}: {name}"
        for module in package_modules()
        for line, name in uses(module)
        if name in NAMES and not fnmatch(module.place, NAMES[name])
    ]
    assert wrong == []


def test_everything_is_caught_at_the_borders_alone():
    found = {
        module.place
        for module in package_modules()
        for handler in module.walk(ast.ExceptHandler)
        if catches_everything(handler)
    }
    assert found == set(BORDERS)


def test_no_global_statement():
    assert [f"{m}:{node.lineno}" for m in package_modules() for node in m.walk(ast.Global)] == []
