"""Simulates an artefact folder against the reference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from frontends.yaml import load_workload
from lego.artefact.folder import find_dataflows, names_of, program
from lego.artefact.manifest import read_devices
from lego.artefact.publish import add_files
from lego.diag import LegoError
from lego.ir.device import Device, DeviceDataflow
from lego.ir.formulas import RESUME
from lego.ir.network import reads_of
from lego.ir.operation import Operation
from lego.ir.workload import Workload
from lego.ppa.activity import read_saif, write_activities
from sim.checks import Verdict
from sim.model import ModelOptions
from sim.queued import add_queued
from sim.reference import Array
from sim.session import Case, Job, Outcome, default_stream, demand_seed, run_cases
from sim.testbench import stimuli

__all__ = ["HandOver", "Simulation", "demand_match", "hand_overs", "simulate"]


@dataclass(frozen=True, slots=True)
class HandOver:
    """A tensor that `writer` computes and `reader` takes as an operand: the host reads it from the
    memory of results and writes it to that of operands. Where the writer isn't run, its place is
    taken by random values."""

    tensor: str
    writer: str
    reader: str
    run: bool = True

    def __str__(self) -> str:
        if self.run:
            return f"{self.reader} reads {self.tensor} as {self.writer} wrote it; the host carries it over"
        return f"{self.reader} reads random values for {self.tensor}, as {self.writer} isn't run"


def hand_overs(operations: Sequence[Operation], run: Sequence[str]) -> tuple[HandOver, ...]:
    """What the operations of these names take from earlier ones in the program, in order."""
    writer: dict[str, str] = {}
    found: list[HandOver] = []
    for op in operations:
        if op.name in run:
            read = dict.fromkeys(reads_of(op))
            found += [
                HandOver(name, writer[name], op.name, writer[name] in run)
                for name in read
                if name in writer
            ]
        writer[op.output.buffer] = op.name
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Simulation:
    """Verdicts of a folder's designs; times in seconds; `bounds` where not the full ones; what
    flowed between operations."""

    verdicts: tuple[Verdict, ...]
    build_s: float
    run_s: float
    seed: int
    bounds: dict[str, int]
    handed: tuple[HandOver, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What sim.json holds: no times, so that it is the same for the same input."""
        return {
            "schema": "lego/sim/1",
            "seed": self.seed,
            "bounds": self.bounds,
            "handed_over": [asdict(each) for each in self.handed],
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
    keep_stimuli: bool = False,
    bounds: Mapping[str, int] | None = None,
) -> Simulation:
    """Run each design on random operands; tensors flow from operation to operation. Dataflows that can go on
    from results in memory do so once, too.

    Writes sim.json into the folder, with `waves` waves.vcd, with
    `keep_stimuli` the files that tb.sv plays, with `activity` activity.json (what switched while
    busy, without what the host does; only at the full bounds, for all designs, and without waves).
    Raises E135 if macros have no models, E903 for an unknown design, or none where several have bounds;
    E904 for a bad seed.
    """
    demand_seed(seed)
    devices = read_devices(folder)
    _demand_models(folder, devices)
    workload = load_workload(folder / "workload.yaml")
    chosen = find_dataflows(devices, design)
    if bounds and len(chosen) > 1:
        names = ", ".join(names_of(devices))
        raise LegoError(
            "E903", "bounds belong to one dataflow", hint=f"add --design; one of {names}"
        )
    if keep_stimuli and len({device.top for device, _ in chosen}) < len(devices):
        raise LegoError("E903", "tb.sv holds all designs", hint="leave --design out")
    runs = [(device, [flow for owner, flow in chosen if owner is device]) for device in devices]
    cases = _cases(folder, workload, runs, seed=seed, bounds=bounds or {}, recorded=activity)
    handed = hand_overs(workload.operations, [flow.operation for _, flow in chosen])
    outcomes = _outcomes(cases, seed, "vcd" if waves else "saif" if activity else "")
    result = Simulation(
        tuple(verdict for outcome in outcomes for verdict in outcome.verdicts),
        sum(outcome.build_s for outcome in outcomes),
        sum(outcome.run_s for outcome in outcomes),
        seed,
        dict(bounds or {}),
        handed,
    )
    files = {"waves.vcd": outcomes[0].waves} if waves else {}
    files |= stimuli([case.stream for case in cases]) if keep_stimuli else {}
    files |= {"activity.json": _activities(cases, outcomes)} if activity else {}
    add_files(folder, {"sim.json": _text(result.to_json()), **files})
    return result


def _demand_models(folder: Path, devices: Sequence[Device]) -> None:
    """Raise E135 if nothing models the macros that memories are made of."""
    bare = [cell for device in devices if not device.models for cell in device.sram_cells]
    if bare:
        message = f"{folder} has no model of the macro {bare[0].module!r}, so it can't be simulated"
        hint = "add `models: FILE.v` to the map of SRAMs, and compile again"
        raise LegoError("E135", message, hint=hint)


def _cases(
    folder: Path,
    workload: Workload,
    runs: Sequence[tuple[Device, Sequence[DeviceDataflow]]],
    *,
    seed: int,
    bounds: Mapping[str, int],
    recorded: bool,
) -> list[Case]:
    """A stream per design that runs any dataflows; at the full bounds, operations hand tensors on."""
    tensors = {buffer.name: buffer for buffer in workload.network.buffers}
    ops = {op.name: op for op in workload.operations}
    rng = np.random.default_rng(seed)
    known: dict[str, Array] = {}
    cases = []
    for device, flows in runs:
        jobs = [job for f in flows for job in _jobs(folder, f, ops[f.operation], bounds)]
        if jobs:
            given = None if bounds else known
            stream = default_stream(device, jobs, tensors, rng, given=given, recorded=recorded)
            if device.queue and not recorded:
                add_queued(stream, [(job.op, job.program) for job in jobs], tensors, rng)
            verilog, models = (
                "".join((folder / name).read_text() for name in names)
                for names in (device.sources, device.models)
            )
            cases.append(Case(verilog, stream, models))
    return cases


def _jobs(
    folder: Path, flow: DeviceDataflow, op: Operation, bounds: Mapping[str, int]
) -> Iterator[Job]:
    """A run of a dataflow; before it, where a register tells that, one that goes on from random results."""
    if RESUME in flow.formulas.registers.get("resume", ""):
        yield Job(op, program(folder, flow.full_name, bounds, resume=True))
    yield Job(op, program(folder, flow.full_name, bounds))


def _outcomes(cases: Sequence[Case], seed: int, trace: str) -> list[Outcome]:
    """All designs in one model; each in one of its own where switching is recorded, as there is one
    record per model."""
    groups = [[case] for case in cases] if trace == "saif" else [cases]
    return [run_cases(group, seed=seed, options=ModelOptions(trace=trace)) for group in groups]


def _activities(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> bytes:
    activities = {
        case.stream.device.top: read_saif(outcome.saif.decode(), case.stream.device.instances())
        for case, outcome in zip(cases, outcomes, strict=True)
    }
    return write_activities(activities).encode()


def _text(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()


def demand_match(result: Simulation) -> None:
    """Raise E701 if any design differs from the reference."""
    wrong = [f"{v.top}: {failure}" for v in result.verdicts for failure in v.failures]
    if wrong:
        raise LegoError("E701", "the RTL differs from the reference:\n  " + "\n  ".join(wrong[:12]))
