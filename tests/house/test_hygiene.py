"""Files as they should be: nothing that is true on one machine alone, no leftovers."""

import re
from pathlib import Path

from .source import ROOT

TOP = {".ci", ".gitignore", "README.md", "conf", "pyproject.toml", "scripts", "src", "tests"}
MADE = re.compile(
    r"(^|/)(\.venv.*|__pycache__|\.[a-z]+_cache|\.hypothesis|\.coverage|build|dist|\.git|.*\.egg-info)(/|$)"
)

# In pieces, so that this file is not its own first finding.
LEFTOVERS = {
    "a path of one machine": re.compile(r"(?<![\w})])/(wo" + "rk|ro" + "ot|home/[a-z]+)/"),
    "a conflict mark": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
    "a note to oneself": re.compile(r"\b(TO" + "DO|FIX" + r"ME|XX" + r"X)\b"),
    "white space at a line's end": re.compile(r"[ \t]$", re.MULTILINE),
    "a Windows line end": re.compile(r"\r\n"),
}


def files() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*")) if path.is_file() and not MADE.search(str(path.relative_to(ROOT)))]


def readable(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_the_top_level_holds_what_belongs_there():
    assert {str(path.relative_to(ROOT)).split("/")[0] for path in files()} - TOP == set()


def test_files_hold_no_leftovers():
    wrong = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {what}"
        for path in files()
        if (text := readable(path))
        for what, pattern in LEFTOVERS.items()
        if (match := pattern.search(text))
    ]
    assert wrong == []


def test_files_end_with_a_line_end():
    assert [
        str(path.relative_to(ROOT)) for path in files() if (text := readable(path)) and not text.endswith("\n")
    ] == []


def test_scripts_can_be_run():
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    assert [path.name for path in (*scripts, ROOT / ".ci" / "run") if not path.stat().st_mode & 0o100] == []
