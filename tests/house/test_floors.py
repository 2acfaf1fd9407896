"""The floors: an import goes to a strictly lower floor, or stays in its room. There are no exceptions."""

import subprocess
import sys

from .source import Import, Module, imports, package_modules, room_of

FLOORS = {
    "": -1,  # pfork itself: the version
    "base": 0,
    "config": 1,
    "sockets": 2,
    "scoreboard": 2,
    "telemetry": 2,
    "control": 2,
    "http1": 2,
    "wsgi": 3,
    "asgi": 3,
    "demo": 3,
    "supervisor": 4,
    "workers": 4,
    "serve": 5,
    "cli": 6,
    "__main__": 7,
}

# Modules of other makers that a room must not know, and why.
STRANGERS = {
    "http1": ("socket", "selectors", "select", "asyncio", "ssl", "os"),  # bytes in, bytes out
    "wsgi": ("socket", "selectors", "select", "asyncio", "httptools"),  # holds no socket
    "asgi": ("socket", "selectors", "select", "httptools", "uvloop"),  # holds no socket
    "control": ("selectors", "select", "asyncio"),  # words, not deeds
    "supervisor": (
        "asyncio",
        "httptools",
        "uvloop",
        "importlib",
        "threading",
        "logging.config",
    ),  # runs no app
}

ARBITER_NEVER_LOADS = ("asyncio", "httptools", "uvloop", "ssl", "multiprocessing", "concurrent.futures")


def own_imports() -> list[tuple[Module, Import]]:
    return [
        (module, one)
        for module in package_modules()
        for one in imports(module)
        if one.module == "pfork" or one.module.startswith("pfork.")
    ]


def targets(one: Import) -> list[str]:
    """The modules that an import reaches: ``from pfork import scoreboard`` reaches ``pfork.scoreboard``."""
    if one.module != "pfork":
        return [one.module]
    return [f"pfork.{name}" if name in FLOORS else "pfork" for name in one.names] or ["pfork"]


def test_every_room_has_a_floor():
    assert {module.room for module in package_modules()} - set(FLOORS) == set()


def test_imports_go_to_a_lower_floor_or_stay_in_their_room():
    wrong = [
        f"{module}:{one.line}: {module.room} (floor {FLOORS[module.room]}) imports {target}"
        for module, one in own_imports()
        for target in targets(one)
        if room_of(target) != module.room and FLOORS[room_of(target)] >= FLOORS[module.room]
    ]
    assert wrong == []


def test_the_demo_knows_base_alone():
    assert [
        f"{module}:{one.line}: {one.module}"
        for module, one in own_imports()
        if module.room == "demo" and room_of(one.module) not in ("demo", "base")
    ] == []


def test_rooms_are_entered_by_their_door():
    wrong = [
        f"{module}:{one.line}: {target}"
        for module, one in own_imports()
        for target in targets(one)
        if room_of(target) != module.room and target.count(".") > 1
    ]
    assert wrong == []


def test_rooms_do_not_know_what_is_not_theirs():
    wrong = [
        f"{module}:{one.line}: {one.module}"
        for module in package_modules()
        for one in imports(module)
        for stranger in STRANGERS.get(module.room, ())
        if one.module == stranger or one.module.startswith(stranger + ".")
    ]
    assert wrong == []


def test_the_arbiter_loads_no_event_loop_and_no_parser():
    """What the arbiter loads, every worker carries; and what is not loaded cannot fail."""
    program = "import sys, pfork.cli, pfork.serve; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) & set(ARBITER_NEVER_LOADS) == set()
