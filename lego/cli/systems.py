"""How systems of several networks are traced and printed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lego.cli.common import print_json, table
from lego.ir.kinds import total_macs

if TYPE_CHECKING:
    from frontends.models.system import System, SystemStage
    from lego.ir.network import Network

__all__ = ["as_object", "print_system", "stage_macs", "system_named"]

TRAINING = 3
"""Multiply-accumulates of a step forwards and backwards, in those of the forward pass: two more
products a layer."""


def system_named(what: str) -> System | None:
    """The system of this name, or that a workload file names; None if it is something else."""
    from frontends.models.systems import SYSTEMS

    path, name = Path(what), what
    if path.suffix in (".yaml", ".yml"):
        from frontends.models.file import load_model

        name = load_model(path).model
    return next((system for system in SYSTEMS if system.name == name), None)


def as_object(system: System, networks: Mapping[str, Network]) -> dict[str, object]:
    """For JSON: stages with what they read, counts and multiply-accumulates."""
    stages = [_stage_object(stage, total_macs(networks[stage.model])) for stage in system.stages]
    total = sum(stage_macs(stage, total_macs(networks[stage.model])) for stage in system.stages)
    return {
        "name": system.name,
        "about": system.about,
        "note": system.note,
        "macs": total,
        "stages": stages,
    }


def _stage_object(stage: SystemStage, each: int) -> dict[str, object]:
    return {
        "name": stage.name,
        "model": stage.model,
        "times": stage.times,
        "trains": stage.trains,
        "macs_each": each,
        "macs": stage_macs(stage, each),
        "reads": [
            {"source": flow.source, "what": flow.what, "shape": list(flow.shape)}
            for flow in stage.reads
        ],
    }


def print_system(system: System, networks: Mapping[str, Network], *, as_json: bool = False) -> None:
    """A row per stage, and the total."""
    if as_json:
        print_json(as_object(system, networks))
        return
    rows = []
    for stage in system.stages:
        each, whole = (
            total_macs(networks[stage.model]),
            stage_macs(stage, total_macs(networks[stage.model])),
        )
        times = f"{stage.times:,}" + (f" x {TRAINING} to train" if stage.trains else "")
        reads = "; ".join(f"{flow.source}: {flow.what}" for flow in stage.reads)
        rows.append((stage.name, stage.model, times, _giga(each), _giga(whole), reads))
    table(("stage", "network", "runs", "GMACs each", "GMACs", "reads"), rows)
    total = sum(stage_macs(stage, total_macs(networks[stage.model])) for stage in system.stages)
    print(f"{system.name}: {system.about}")
    print(f"{_giga(total)} G MACs" + (f"; {system.note}" if system.note else ""))


def stage_macs(stage: SystemStage, each: int) -> int:
    """Multiply-accumulates of all runs of a stage, of `each` in one forward run."""
    return each * stage.times * (TRAINING if stage.trains else 1)


def _giga(macs: int) -> str:
    return f"{macs / 1e9:,.3f}"
