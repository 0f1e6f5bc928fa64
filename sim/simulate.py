"""Simulates an artefact folder against the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from frontends.yaml import load_workload
from lego.diag import LegoError
from lego.flow import program
from lego.publish import add_files
from sim.checks import Verdict
from sim.model import Options
from sim.reference import Array
from sim.session import Case, Outcome, default_stream, run_cases

__all__ = ["Simulation", "demand_match", "simulate"]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Verdicts of a folder's designs; times in seconds."""

    verdicts: tuple[Verdict, ...]
    build_s: float
    run_s: float
    seed: int

    def to_json(self) -> dict[str, Any]:
        """What sim.json holds: no times, so that it is the same for the same input."""
        return {
            "schema": "lego/sim/1",
            "seed": self.seed,
            "designs": [
                {
                    "top": v.top,
                    "elements_compared": v.compared,
                    "cycles": list(v.cycles),
                    "failures": list(v.failures),
                }
                for v in self.verdicts
            ],
        }


def simulate(
    folder: Path,
    *,
    design: str | None = None,
    seed: int = 0,
    waves: bool = False,
    activity: bool = False,
    bounds: Mapping[str, int] | None = None,
) -> Simulation:
    """Run each design on random operands; tensors flow from operation to operation.

    Writes sim.json into the folder, with `waves` waves.vcd, with `activity` activity.saif.
    Raises E903 for an unknown design.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    workload = load_workload(folder / "workload.yaml")
    tensors = {tensor.name: tensor for tensor in workload.tensors}
    rng = np.random.default_rng(seed)
    known: dict[str, Array] = {}
    cases = []
    for entry, op in zip(manifest["designs"], workload.operations, strict=True):
        if design not in (None, entry["top"], entry["operation"]):
            continue
        programs = [program(folder, entry["top"], bounds)] if bounds else None
        given = None if bounds else known
        stream = default_stream(entry, op, tensors, rng, programs=programs, given=given)
        cases.append(Case((folder / entry["verilog"]).read_text(), stream))
    if not cases:
        names = ", ".join(entry["operation"] for entry in manifest["designs"])
        raise LegoError("E903", f"no design {design!r} here; designs are {names}")
    trace = "vcd" if waves else "saif" if activity else ""
    outcome = run_cases(cases, seed=seed, options=Options(trace=trace))
    result = Simulation(outcome.verdicts, outcome.build_s, outcome.run_s, seed)
    add_files(folder, _files(result, outcome))
    return result


def _files(result: Simulation, outcome: Outcome) -> dict[str, bytes]:
    files = {"sim.json": (json.dumps(result.to_json(), indent=1) + "\n").encode()}
    if outcome.waves:
        files["waves.vcd"] = outcome.waves
    if outcome.saif:
        files["activity.saif"] = outcome.saif
    return files


def demand_match(result: Simulation) -> None:
    """Raise E701 if any design differs from the reference."""
    wrong = [f"{v.top}: {failure}" for v in result.verdicts for failure in v.failures]
    if wrong:
        raise LegoError("E701", "the RTL differs from the reference:\n  " + "\n  ".join(wrong[:12]))
