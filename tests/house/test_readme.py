"""What the README says of signals, settings and exit codes is what the tables in the code say."""

import re

import pytest

from pfork.base import Exit
from pfork.config import ROWS
from pfork.supervisor.signals import SIGNALS

from .source import PACKAGE, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 250


def section(title: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    text = README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_it_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_its_signals_are_the_arbiters():
    said = {f"SIG{name}": help for names, help in section("Signals") for name in codes(names)}
    assert said == {name: command.help for name, command in SIGNALS.items()}


@pytest.mark.parametrize("flags, name, default, meaning", section("Most used settings"))
def test_its_settings_are_rows(flags, name, default, meaning):
    row = ROWS[codes(name)[0]]
    assert set(codes(flags)) <= set(row.flags)
    if default:
        assert row.parse(codes(default)[0]) == row.default
    else:
        assert not row.default


def test_its_exit_codes_are_the_table():
    assert {int(codes(code)[0]) for code, _ in section("Exit codes")} == {
        code.value for code in Exit if code is not Exit.ORPHAN
    }


def test_the_files_it_names_are_there():
    named = re.findall(r"\]\(([^)#:]+)\)", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("text", [README, (PACKAGE / "README.md").read_text(encoding="utf-8")])
def test_its_links_stay_inside(text):
    assert re.findall(r"\]\((?:/|file:)[^)]*\)", text) == []
