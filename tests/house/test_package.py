"""The package as it is built: complete, and able to run away from the clone."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version

import pytest

from .source import ROOT

# A virtual environment brings setuptools along, but an old one needs a package more to build wheels.
pytestmark = pytest.mark.skipif(
    tuple(map(int, version("setuptools").split(".")[:2])) < (70, 1),
    reason="setuptools is too old; scripts/test installs what is needed",
)

SHIPPED = ("README.md", "CHANGES.md", "py.typed", "demo/page.html")


def run(*arguments: str, **options):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy without network: a build in the clone would leave its droppings there."""
    place = tmp_path_factory.mktemp("build")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, place)
    shutil.copytree(ROOT / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    quiet = ("-q", "--disable-pip-version-check", "--no-deps", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", *quiet, "--no-build-isolation", "-w", str(place), str(place))
    return next(place.glob("pfork-*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_files_beside_the_code(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in SHIPPED if f"pfork/{name}" not in names] == []
    assert [name for name in names if not name.startswith("pfork")] == []


@pytest.mark.slow
def test_an_installed_pfork_says_its_version(wheel, tmp_path):
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    environment = os.environ | {"PYTHONPATH": str(target)}
    where = run(sys.executable, "-c", "import pfork; print(pfork.__file__)", env=environment, cwd=tmp_path)
    assert where.startswith(str(target))
    said = run(sys.executable, "-m", "pfork", "--version", env=environment, cwd=tmp_path)
    assert said.strip().split()[-1] == wheel.name.split("-")[1]
