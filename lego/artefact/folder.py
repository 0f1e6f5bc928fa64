"""Reading an artefact folder's designs, and programs for other bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lego.diag import LegoError
from lego.ir.fused import FusedAdg
from lego.program import Program, configure

__all__ = ["find_dataflows", "load_design", "names_of", "program"]


def load_design(folder: Path, top: str) -> FusedAdg:
    """Read a design's architecture back from its artefact folder. Raises E504."""
    try:
        return FusedAdg.from_json((folder / f"{top}.adg.json").read_bytes())
    except (OSError, ValueError) as error:
        raise LegoError(
            "E504", f"{folder} holds no usable {top}.adg.json", hint="compile again"
        ) from error


def find_dataflows(
    designs: Sequence[Mapping[str, Any]], wanted: str | None
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(design, dataflow) entries of a manifest that `wanted` names: all if it is None.

    A design's top, an operation, a dataflow's name, or `operation.dataflow`. Raises E903 if there
    is none.
    """
    found = [
        (entry, flow)
        for entry in designs
        for flow in entry["dataflows"]
        if wanted
        in (
            None,
            entry["top"],
            flow["operation"],
            flow["name"],
            f"{flow['operation']}.{flow['name']}",
        )
    ]
    if not found:
        known = ", ".join(names_of(designs))
        raise LegoError("E903", f"no design {wanted!r} here", hint=f"designs are {known}")
    return found


def names_of(designs: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a user may call the dataflows of a manifest: short where that is unambiguous."""
    flows = [flow for entry in designs for flow in entry["dataflows"]]
    operations = [flow["operation"] for flow in flows]
    return [
        flow["operation"]
        if operations.count(flow["operation"]) == 1
        else f"{flow['operation']}.{flow['name']}"
        for flow in flows
    ]


def program(
    folder: Path,
    design: str | None,
    bounds: Mapping[str, int],
    bases: Mapping[str, int] | None = None,
    half: int = 0,
) -> dict[str, object]:
    """Register values and layouts for other loop bounds, bases and half, as in the manifest.

    Raises E903 if `design` names no dataflow of the folder's, or several.
    """
    entries = json.loads((folder / "manifest.json").read_text())["designs"]
    found = find_dataflows(entries, design)
    if len(found) != 1:
        known = ", ".join(names_of(entries))
        raise LegoError("E903", "which dataflow?", hint=f"give --design; one of {known}")
    entry, flow = found[0]
    fused = load_design(folder, entry["top"])
    result: Program = configure(
        fused, bounds, dataflow=flow["id"], bases=bases, half=half, tail=flow["tail"]
    )
    return result.to_json()
