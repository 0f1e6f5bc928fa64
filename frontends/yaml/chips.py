"""Hardware that a workload file names: `edge` means edge.yaml beside it, or the one in workloads/chips."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from frontends.yaml.compose import compose_file
from frontends.yaml.nodes import MapNode, ScalarNode
from lego.diag import LegoError

__all__ = ["CHIPS", "chip_file", "named_chip", "with_chip"]

CHIPS = Path(__file__).resolve().parents[2] / "workloads" / "chips"
"""Hardware descriptions that come with LEGO."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


def named_chip(root: MapNode) -> ScalarNode | None:
    """The name that a workload file gives instead of a description, if it does."""
    for item in root.items:
        if item.key.text == "architecture" and isinstance(item.value, ScalarNode):
            return item.value
    return None


def chip_file(name: ScalarNode, folder: Path | None) -> Path:
    """The file of a named architecture. Raises E127 for what is no plain name or names no file."""
    folders = [CHIPS] if folder is None else [folder, CHIPS]
    if _NAME.fullmatch(name.text) and name.text.lower() != "workload":
        for place in folders:
            if (path := place / f"{name.text}.yaml").is_file():
                return path
    known = ", ".join(sorted(path.stem for path in CHIPS.glob("*.yaml")))
    raise LegoError(
        "E127",
        f"no architecture is called {name.text[:40]!r}",
        loc=name.loc,
        hint="put a file of that name and .yaml beside this one"
        + (f", or use {known}" if known else ""),
    )


def with_chip(root: MapNode, folder: Path | None) -> MapNode:
    """The file with the named architecture in place of its name; what is wrong there is told in that file."""
    name = named_chip(root)
    if name is None:
        return root
    chip, _ = compose_file(chip_file(name, folder))
    items = (replace(i, value=chip) if i.value is name else i for i in root.items)
    return replace(root, items=tuple(items))
