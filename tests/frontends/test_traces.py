"""What is remembered of traces depends on all that networks are made of."""

from __future__ import annotations

import ast
from pathlib import Path

from frontends.traces import REPRESENTATION

IR = Path(__file__).resolve().parents[2] / "lego" / "ir"


def imported(name: str) -> set[str]:
    """The modules of `lego.ir` that one of them imports."""
    tree = ast.parse((IR / f"{name}.py").read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {module.removeprefix("lego.ir.") for module in modules if module.startswith("lego.ir.")}


def test_traces_depend_on_every_file_that_says_what_networks_are() -> None:
    assert {"network_json", "promotion", "kinds"} <= set(REPRESENTATION)
    for name in REPRESENTATION:
        assert imported(name) <= set(REPRESENTATION), name
