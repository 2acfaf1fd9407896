"""From a target to the app, or to a message: each in full, since messages are what a person gets."""

import re
import sys

import pytest

from pfork.base import AppImportError, AppTargetError
from pfork.workers.appload import load_app
from pfork.workers.failures import boot_failure_text

MODULES = {
    "plain.py": """
def app(environ, start_response): ...
def application(environ, start_response): ...
class Holder:
    class Inner:
        @staticmethod
        def app(environ, start_response): ...
    number = 3
def create_app(name="x", *, debug=False):
    def made(environ, start_response): ...
    made.name = name
    made.debug = debug
    return made
config = {"a": 1}
""",
    "only_app.py": "def app(environ, start_response): ...\n",
    "neither.py": "from functools import partial\nimport os\ndef wsgi(environ, start_response): ...\n_hidden = len\n",
    "nothing.py": "number = 1\n",
    "package/__init__.py": "",
    "package/site.py": "def app(environ, start_response): ...\n",
    "broken.py": "x = 1\ny = 1 / 0\n",
    "needs.py": "import does_not_exist_anywhere\n",
    "syntax.py": "def app(environ, start_response):\n    return [b'x'\n",
    "leaves.py": "import sys\nsys.exit(3)\n",
    "leaves_quietly.py": "raise SystemExit\n",
    "interrupted.py": "raise KeyboardInterrupt\n",
    "factories.py": """
import sys
def returns_none(): ...
def returns_number(): return 3
def raises(): return {}["missing"]
def raises_type_error(): return len(3)
def leaves(): sys.exit("no config")
def needs_one(config): return lambda environ, start_response: config
async def coroutine(): ...
not_a_function = 3
import package
""",
    "lazy.py": """
def __getattr__(name):
    if name == "app":
        return lambda environ, start_response: None
    raise AttributeError(name)
""",
}


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory):
    """A directory of modules, importable while the tests run."""
    directory = tmp_path_factory.mktemp("site")
    for name, text in MODULES.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    before = set(sys.modules)
    sys.path.insert(0, str(directory))
    yield directory
    sys.path.remove(str(directory))
    for name in set(sys.modules) - before:
        del sys.modules[name]


FOUND = {
    "plain": lambda module: module.application,
    "only_app": lambda module: module.app,
    "plain:app": lambda module: module.app,
    "plain:Holder.Inner.app": lambda module: module.Holder.Inner.app,
    "package.site:app": lambda module: module.app,
}


@pytest.mark.parametrize(("target", "expected"), FOUND.items())
def test_a_target_leads_to_the_app(site, target, expected):
    found = load_app(target, [str(site)])
    assert found is expected(sys.modules[target.partition(":")[0]])


def test_a_factory_is_called_with_its_literal_arguments(site):
    made = load_app("plain:create_app('prod', debug=True)", [str(site)])
    assert (made.name, made.debug) == ("prod", True)
    assert load_app("plain:create_app()", [str(site)]).name == "x"


def test_an_attribute_that_the_module_makes_when_asked_is_found(site):
    assert callable(load_app("lazy:app", [str(site)]))


MARKS = re.compile(r"^ *[~^]+\n", re.MULTILINE)  # under a line of code; each version of Python has its own

ALL = "broken, factories, interrupted, lazy, leaves, leaves_quietly, needs, neither and 5 more"

ERRORS = {
    # The module
    "plian:app": (
        AppImportError,
        "no module named 'plian'; looked in SITE and Python's own path\n  did you mean 'plain:app'?",
    ),
    "Plain": (
        AppImportError,
        "no module named 'Plain'; looked in SITE and Python's own path\n  did you mean 'plain'?",
    ),
    "qqqqq:app": (
        AppImportError,
        f"no module named 'qqqqq'; looked in SITE and Python's own path\n  modules found there: {ALL}",
    ),
    "package.sites:app": (
        AppImportError,
        "no module named 'package.sites'; looked in SITE/package\n  did you mean 'package.site:app'?",
    ),
    "packages.site:app": (
        AppImportError,
        "no module named 'packages'; looked in SITE and Python's own path\n  did you mean 'package.site:app'?",
    ),
    "plain.app": (
        AppImportError,
        "no module named 'plain.app': 'plain' is a module, not a package\n"
        "  an attribute stands behind a colon: did you mean 'plain:app'?",
    ),
    # The attribute
    "plain:aplication": (
        AppTargetError,
        "module 'plain' (SITE/plain.py) has no attribute 'aplication'; "
        "callables found there: Holder, app, application, create_app\n  did you mean 'plain:application'?",
    ),
    "plain:zzz": (
        AppTargetError,
        "module 'plain' (SITE/plain.py) has no attribute 'zzz'; "
        "callables found there: Holder, app, application, create_app\n"
        "  name what is the app, for example 'plain:Holder'",
    ),
    "plain:Holder.Iner.app": (
        AppTargetError,
        "'plain:Holder', a type, has no attribute 'Iner'; callables found there: Inner\n"
        "  did you mean 'plain:Holder.Inner'?",
    ),
    "plain:created_app('x')": (
        AppTargetError,
        "module 'plain' (SITE/plain.py) has no attribute 'created_app'; "
        "callables found there: Holder, app, application, create_app\n  did you mean 'plain:create_app'?",
    ),
    "neither": (
        AppTargetError,
        "module 'neither' (SITE/neither.py) has neither 'application' nor 'app'; "
        "callables found there: wsgi\n  name what is the app, for example 'neither:wsgi'",
    ),
    "nothing": (
        AppTargetError,
        "module 'nothing' (SITE/nothing.py) has neither 'application' nor 'app'; "
        "callables found there: none\n  name the module that defines the app",
    ),
    # What is no app
    "plain:config": (
        AppTargetError,
        "'plain:config' is a dict, not a callable\n"
        "  a WSGI app is called with (environ, start_response), an ASGI app with (scope, receive, send)",
    ),
    "plain:Holder.number": (
        AppTargetError,
        "'plain:Holder.number' is an int, not a callable\n"
        "  a WSGI app is called with (environ, start_response), an ASGI app with (scope, receive, send)",
    ),
    "factories:package": (
        AppTargetError,
        "'factories:package' is a module, not a callable\n  name the app in it, for example 'package:app'",
    ),
    # The factory
    "factories:returns_none()": (
        AppTargetError,
        "'factories:returns_none()' returned None, not a callable\n  the factory has to return the app",
    ),
    "factories:returns_number()": (
        AppTargetError,
        "'factories:returns_number()' returned an int, not a callable\n"
        "  a WSGI app is called with (environ, start_response), an ASGI app with (scope, receive, send)",
    ),
    "factories:coroutine()": (
        AppTargetError,
        "'factories:coroutine()' returned a coroutine, not an app\n  a factory is def, not async def",
    ),
    "factories:needs_one()": (
        AppTargetError,
        "'factories:needs_one()': needs_one() missing 1 required positional argument: 'config'\n"
        "  give literal arguments, for example factories:needs_one('value')",
    ),
    "factories:not_a_function()": (
        AppTargetError,
        "'factories:not_a_function()' is an int, not a callable\n"
        "  a WSGI app is called with (environ, start_response), an ASGI app with (scope, receive, send)",
    ),
    # What the app raised: with its own frames, and no others
    "broken:app": (
        AppImportError,
        "cannot import 'broken': ZeroDivisionError: division by zero\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/broken.py", line 2, in <module>\n'
        "    y = 1 / 0\n"
        "ZeroDivisionError: division by zero",
    ),
    "needs:app": (
        AppImportError,
        "cannot import 'needs': ModuleNotFoundError: No module named 'does_not_exist_anywhere'\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/needs.py", line 1, in <module>\n'
        "    import does_not_exist_anywhere\n"
        "ModuleNotFoundError: No module named 'does_not_exist_anywhere'",
    ),
    "leaves:app": (
        AppImportError,
        "'leaves' called sys.exit(3) while it was imported\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/leaves.py", line 2, in <module>\n'
        "    sys.exit(3)\n"
        "SystemExit: 3",
    ),
    "leaves_quietly": (
        AppImportError,
        "'leaves_quietly' called sys.exit() while it was imported\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/leaves_quietly.py", line 1, in <module>\n'
        "    raise SystemExit\n"
        "SystemExit",
    ),
    "interrupted": (
        AppImportError,
        "cannot import 'interrupted': KeyboardInterrupt\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/interrupted.py", line 1, in <module>\n'
        "    raise KeyboardInterrupt\n"
        "KeyboardInterrupt",
    ),
    "factories:leaves()": (
        AppImportError,
        "'factories:leaves()' called sys.exit('no config')\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/factories.py", line 7, in leaves\n'
        '    def leaves(): sys.exit("no config")\n'
        "SystemExit: no config",
    ),
    "factories:raises()": (
        AppImportError,
        "'factories:raises()' raised KeyError: 'missing'\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/factories.py", line 5, in raises\n'
        '    def raises(): return {}["missing"]\n'
        "KeyError: 'missing'",
    ),
    "factories:raises_type_error()": (
        AppImportError,
        "'factories:raises_type_error()' raised TypeError: object of type 'int' has no len()\n"
        "Traceback (most recent call last):\n"
        '  File "SITE/factories.py", line 6, in raises_type_error\n'
        "    def raises_type_error(): return len(3)\n"
        "TypeError: object of type 'int' has no len()",
    ),
}


@pytest.mark.parametrize(("target", "expected"), ERRORS.items())
def test_what_is_wrong_is_told_in_full(site, target, expected):
    error_type, text = expected
    with pytest.raises(error_type) as caught:
        load_app(target, [str(site)])
    assert type(caught.value) is error_type
    told = MARKS.sub("", boot_failure_text(caught.value)).replace(str(site), "SITE")
    assert told == text


def test_a_syntax_error_is_told_with_file_line_and_place(site):
    with pytest.raises(AppImportError) as caught:
        load_app("syntax:app", [str(site)])
    text = boot_failure_text(caught.value).replace(str(site), "SITE")
    assert text.startswith("cannot import 'syntax': SyntaxError: '[' was never closed")
    assert "  File \"SITE/syntax.py\", line 2\n    return [b'x'\n           ^\n" in text
    assert "importlib" not in text


def test_an_empty_directory_says_where_else_a_module_may_be(tmp_path):
    with pytest.raises(AppImportError) as caught:
        load_app("qqqqq:app", [str(tmp_path)])
    assert caught.value.hint == "no module was found there; --chdir and --pythonpath say where else to look"


def test_an_error_behind_an_error_is_told_too(site):
    (site / "chained.py").write_text(
        "try:\n    {}['a']\nexcept KeyError as error:\n    raise RuntimeError('no a') from error\n"
    )
    with pytest.raises(AppImportError) as caught:
        load_app("chained:app", [str(site)])
    text = boot_failure_text(caught.value)
    assert text.index("KeyError: 'a'") < text.index("The above exception was the direct cause")
    assert text.endswith("RuntimeError: no a")
    assert "importlib" not in text
