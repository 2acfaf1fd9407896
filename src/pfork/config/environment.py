"""Settings from the environment: PFORK_<NAME> for each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from pfork.config.row import Row
from pfork.config.sources import Findings, Origin, shown
from pfork.config.suggest import suggest
from pfork.config.table import ROWS

CONFIG = "PFORK_CONFIG"
"""The file to load, when there is no ``-c``."""

_VARIABLES: dict[str, Row] = {row.variable: row for row in ROWS.values()}

_KUBERNETES = re.compile(r"PFORK_(SERVICE_HOST|SERVICE_PORT\w*|PORT|PORT_\d\w*)")
"""What Kubernetes sets in every container next to a service that is called pfork."""


def take(environ: Mapping[str, str], findings: Findings) -> None:
    """Take the settings of the environment. A variable that is empty is not set."""
    for variable, text in environ.items():
        row = _VARIABLES.get(variable)
        if row is not None and text:
            origin = Origin("environment", variable)
            findings.take(row, partial(row.parse, text), origin, f"{variable}={shown(text)}")
        elif row is None and _is_meant_for_pfork(variable):
            near = suggest(variable, [*_VARIABLES, CONFIG], cutoff=0.75)
            findings.warnings.append(f"{variable}: ignored; no setting has this variable{near}")
    if environ.get("GUNICORN_CMD_ARGS"):
        findings.warnings.append("GUNICORN_CMD_ARGS: ignored; use PFORK_ variables, like PFORK_WORKERS=4")


def _is_meant_for_pfork(variable: str) -> bool:
    return variable.startswith("PFORK_") and variable != CONFIG and not _KUBERNETES.fullmatch(variable)


def take_standard(row: Row, environ: Mapping[str, str], findings: Findings) -> None:
    """Take the variable that platforms set, like PORT, where a row has one and it is not empty."""
    if row.standard is None:
        return
    variable, make = row.standard
    text = environ.get(variable, "")
    if text:
        origin = Origin("default", f"${variable}")
        findings.take(row, lambda: row.check_value(make(text)), origin, f"{variable}={shown(text)}")
