"""What gating saves, per dataflow, from the simulated netlist:
python -m benchmarks.gating [--size 8] [--against O0] [NAME...]

-O2 without the pass `gating` and with it, or -O0 and -O2 with `--against O0`; both with clock gates
for the enables that memories and control have anyway: area of logic (without SRAM macros) in 1,000
um2, and per dataflow the power of that logic in uW at 1 GHz, by benchmarks/gate_level.py: the
mapped netlist runs each dataflow in the usual bench, which compares every element. Loops are cut so
that a run takes about 4,000 cycles. Compiling the netlist's model takes minutes per design and way.
SRAMs take the same with and without, as they are accessed alike; `sram` is their power by the macro
model.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fusion import NAMES, ROOT, shrunk, synthesised
from benchmarks.gate_level import energy_fj, leakage_uw, read_toggles, simulated_text
from frontends.yaml import load_workload
from lego.back.pipeline import PASSES, Options
from lego.designs import designs_of
from lego.ir.device import Device
from lego.ir.fused import FusedAdg
from lego.ir.workload import Workload
from lego.ppa.activity import read_saif
from lego.ppa.library import read_library
from lego.ppa.power import sram_power_uw
from lego.ppa.price import areas, flip_flops
from lego.program import configure
from sim.model import ModelOptions as SimOptions
from sim.session import Case, Job, default_stream, run_cases

PERIOD_PS = 1000
CYCLES = 4096
WITHOUT = {
    "gating": Options(passes=tuple(each.name for each in PASSES if each.name != "gating")),
    "O0": Options(level=0),
}


@dataclass(frozen=True)
class Result:
    """Area in 1,000 um2, flip-flops, and (logic, SRAM) in uW per dataflow."""

    area: float
    registers: int
    power: dict[str, tuple[float, int]]


def bounds_of(design: FusedAdg, dataflow: int) -> dict[str, int]:
    """Loop bounds with which a run takes about `CYCLES`."""
    loops = {loop.name: loop.extent for loop in design.layers[dataflow].adg.op.loops}
    most = max(loops.values())
    while math.prod(min(n, most) for n in loops.values()) > CYCLES * design.n_fus:
        most -= 1
    return {name: min(n, most) for name, n in loops.items()}


def measure(workload: Workload, design: FusedAdg, options: Options) -> Result:
    """Synthesise, simulate every dataflow and price."""
    library = read_library(None)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        netlist, device = synthesised(design, options, scratch)
        text = simulated_text(netlist, (scratch / "design.v").read_text(), library, scratch)
        found = areas(netlist, device, library)
        power = {}
        for k in range(len(design.layers)):
            saif = recorded(workload, design, device, text, k)
            logic = energy_fj(netlist, library, read_toggles(saif)) * 1000 / PERIOD_PS
            sram = sram_power_uw(device, read_saif(saif, device.instances()), PERIOD_PS)
            label = device.dataflows[k].full_name
            power[label] = (logic + leakage_uw(netlist, library), sum(sram.values()))
        area = (found["total"] - found["sram"]) / 1e6
        return Result(area, flip_flops(netlist, library), power)


def recorded(
    workload: Workload,
    design: FusedAdg,
    device: Device,
    text: str,
    dataflow: int,
    bounds: Mapping[str, int] | None = None,
) -> str:
    """The SAIF of one dataflow's busy cycles, at :func:`bounds_of` by default; every element must be
    right."""
    tail = device.dataflows[dataflow].tail
    bounds = bounds_of(design, dataflow) if bounds is None else bounds
    program = configure(design, bounds, dataflow=dataflow, tail=tail)
    job = Job(workload.operation(design.layers[dataflow].adg.op.name), program)
    tensors = {buffer.name: buffer for buffer in workload.network.buffers}
    rng = np.random.default_rng(dataflow)
    stream = default_stream(device, [job], tensors, rng, recorded=True)
    outcome = run_cases([Case(text, stream)], options=SimOptions(trace="saif"))
    (verdict,) = outcome.verdicts
    assert not verdict.failures, verdict.failures
    return outcome.saif.decode()


def main() -> None:
    """Print the table, a design as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--against", choices=WITHOUT, default="gating")
    parser.add_argument("names", nargs="*", default=NAMES)
    given = parser.parse_args()
    for name in given.names:
        workload = shrunk(load_workload(ROOT / "workloads" / f"{name}.yaml"), given.size)
        (design,) = designs_of(workload)
        ways = WITHOUT[given.against], Options()
        off, on = (measure(workload, design, options) for options in ways)
        print(f"{name:14}{'1,000 um2':18}{off.area:10.1f}{on.area:10.1f}{on.area / off.area:8.3f}")
        print(f"{name:14}{'flip-flops':18}{off.registers:10,}{on.registers:10,}")
        for label, (before, sram) in off.power.items():
            after = on.power[label][0]
            row = f"{before:10,.0f}{after:10,.0f}{after / before:8.3f}{sram:10,}"
            print(f"{name:14}{label:18}{row}", flush=True)


if __name__ == "__main__":
    main()
