"""What turns and wide words save: python -m benchmarks.memories [--size 16] [--energy] [--chip] [NAME...]

Each design compiled for 1 GHz in three memory styles, `at-once`, `narrow` and `cheapest` (docs/memories.md).
Areas in 1,000 um2: `waiting` are the registers in which results wait for their turn, their bits
times a flip-flop and a multiplexer of the table of costs; `logic` is all that is neither these nor
SRAM. `one` is one SRAM per memory of as many words as its banks have, `tensors` one of as many as the
largest tensor in it has; each with the ratio of SRAMs and waiting registers to it.
Cycles are those of full runs. `--energy` simulates each, takes minutes per design, and gives pJ per
multiplication at 1 GHz by the method of `lego ppa`, at each dataflow's own mean activity. The second table
compares the last of `--styles` with the first.

`--chip` prints another table instead: each design as its file has it, and for a chip with room and two
halves of 64 KiB per operand and 128 KiB for results each, in the last of `--styles`.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.fusion import NAMES, ROOT, shrunk, synthesised
from benchmarks.gating import recorded
from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.graph.measure import counts_of
from lego.back.pipeline import Options
from lego.designs import adgs_of, designs_of
from lego.diag import LegoError
from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Op
from lego.ir.device import Device
from lego.ir.fused import MemoryPlan
from lego.ir.hardware import Buffering, MemoryStyle, Room
from lego.ir.workload import Workload
from lego.ppa.activity import Activity, read_saif
from lego.ppa.library import read_library
from lego.ppa.power import power_of, sram_power_uw
from lego.ppa.price import areas, register_bits
from lego.ppa.sram import black_boxes, macro
from lego.ppa.synthesis import Netlist
from lego.ppa.timing import Timing, clock_of

CLOCK = Options(clock_ps=1000)
STYLES = MemoryStyle.AT_ONCE, MemoryStyle.NARROW, MemoryStyle.CHEAPEST
HEADS = ("design", "style", "SRAMs", "of registers (bits)", "SRAM", "waiting", "logic", "total")
HEADS += ("one", "ratio", "tensors", "ratio", "ns")
CHIP_HEADS = ("design", "chip", "SRAMs", "SRAM", "waiting", "logic", "total", "ns", "cycles")
OPERAND_BITS, RESULT_BITS = 8 * 65536, 8 * 131_072


@dataclass(frozen=True)
class Run:
    """One dataflow: cycles of its full run, and pJ per multiplication if it was simulated."""

    name: str
    cycles: int
    energy: float | None


@dataclass(frozen=True)
class Result:
    """A design in one style: counts, areas in 1e-3 um2, the least period in ps."""

    srams: int
    register_memories: int
    register_bits: int
    sram: int
    waiting: int
    total: int
    one: int
    tensors: int
    period: int
    runs: tuple[Run, ...]

    @property
    def logic(self) -> int:
        """Area of all that is neither an SRAM nor a register in which a result waits."""
        return self.total - self.sram - self.waiting

    def cells(self) -> list[str]:
        """The row of the table, without its first two cells."""
        parts = self.sram, self.waiting, self.logic, self.total
        used = self.sram + self.waiting
        return [
            f"{self.srams:,}",
            f"{self.register_memories:,} ({self.register_bits:,})",
            *map(um2, parts),
            *(t for area in (self.one, self.tensors) for t in (um2(area), f"{used / area:.2f}")),
            f"{self.period / 1000:.3f}",
        ]


def measure(workload: Workload, style: MemoryStyle, *, energy: bool) -> Result:
    """Synthesise the design in a style; with `energy`, run all its dataflows as well."""
    chip = replace(workload.architecture, memory_style=style)
    workload = replace(workload, architecture=chip)
    (design,) = designs_of(workload)
    library = read_library(None)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        netlist, device = synthesised(design, CLOCK, scratch)
        timing = clock_of(netlist, library, black_boxes(device))
        found = areas(netlist, device, library)
        takes: dict[int, float] = {}
        if energy:
            text = (scratch / "design.v").read_text()
            for flow in device.dataflows:
                saif = recorded(workload, design, device, text, flow.id, flow.program.bounds)
                activity = read_saif(saif, device.instances())
                takes[flow.id] = pj_per_multiplication(netlist, timing, device, activity, flow.id)
    stored = [m for m in device.macros if m.registers]
    return Result(
        srams=sum(m.count for m in device.macros if not m.registers),
        register_memories=sum(m.count for m in stored),
        register_bits=register_bits(device),
        sram=found["sram"],
        waiting=waiting_bits(lower(design, CLOCK).dag) * (COSTS.register_bit + COSTS.mux_bit),
        total=found["total"],
        one=sum(macro(m.bits, sum(m.bank_depths())).area_nm2_k for m in device.memories),
        tensors=sum(macro(m.bits, largest(m)).area_nm2_k for m in design.buffers()),
        period=timing.period_ps,
        runs=tuple(Run(f.full_name, f.program.cycles, takes.get(f.id)) for f in device.dataflows),
    )


def as_file_has_it(workload: Workload) -> Workload:
    """With one half, and nothing in registers that can be built in."""
    chip = replace(workload.architecture, memory_bits=(), double_buffer=Buffering.NO, room=None)
    return replace(workload, architecture=chip)


def as_chip(workload: Workload) -> Workload:
    """With room and two halves of every memory."""
    bits = {}
    for adg in adgs_of(workload):
        bits |= {plan.name: OPERAND_BITS for plan in adg.inputs}
        bits[adg.output.name] = RESULT_BITS
    chip = replace(
        workload.architecture,
        memory_bits=tuple(bits.items()),
        double_buffer=Buffering.HALVES,
        room=Room(),
    )
    return replace(workload, architecture=chip)


def print_chips(names: Sequence[str], size: int, style: MemoryStyle) -> None:
    """Rows of the table of chips, each as soon as it is known."""
    headed(CHIP_HEADS)
    for name in names:
        workload = shrunk(load_workload(file_of(name)), size)
        for about, build in (("", as_file_has_it), ("room, two halves", as_chip)):
            try:
                found = measure(build(workload), style, energy=False)
            except LegoError as error:
                printed([f"`{name}`", about, f"{error.code}: {error.message}"])
                continue
            parts = found.sram, found.waiting, found.logic, found.total
            cycles = ", ".join(f"{run.cycles:,}" for run in found.runs)
            period = f"{found.period / 1000:.3f}"
            printed([f"`{name}`", about, f"{found.srams:,}", *map(um2, parts), period, cycles])


def file_of(name: str) -> Path:
    """The file of a design."""
    alone = ROOT / "workloads" / f"{name}.yaml"
    return alone if alone.exists() else ROOT / "workloads" / "onto" / f"{name}.yaml"


def um2(area: int) -> str:
    """1e-3 um2 as 1,000 um2."""
    return f"{area / 1e6:,.1f}"


def largest(memory: MemoryPlan) -> int:
    """Words of the largest tensor in a memory."""
    return max(math.prod(plan.tensor.shape) for plan in memory.used())


def pj_per_multiplication(
    netlist: Netlist, timing: Timing, device: Device, activity: Activity, dataflow: int
) -> float:
    """Of a full run of one dataflow whose activity this is, at the clock asked for."""
    library, flow = read_library(None), device.dataflows[dataflow]
    period = CLOCK.clock_ps or timing.period_ps
    circuit, analysis = timing.circuit, timing.analysis
    logic, _ = power_of(circuit, analysis, library, netlist.category, activity, period)
    power = sum(p.total_uw for p in logic.values())
    power += sum(sram_power_uw(device, activity, period).values())
    multiplications = flow.program.iterations * max(1, flow.macs_per_fu)
    return power * period * flow.program.cycles / multiplications / 1e6


def waiting_bits(dag: Dag) -> int:
    """Bits of the registers in which results wait for their turn."""
    counts = counts_of(dag)
    return sum(
        counts[module.name] * node.bits
        for module in dag.modules
        for node in module.nodes
        if node.op is Op.REG and node.name == "kept"
    )


def compared(name: str, before: Result, after: Result) -> list[list[str]]:
    """Rows of the second table: ratios of the design, and what each dataflow takes."""
    rows = [[name, f"{after.total / before.total:.3f}", f"{after.logic / before.logic:.3f}"]]
    rows += [["", "", ""] for _ in before.runs[1:]]
    for row, old, new in zip(rows, before.runs, after.runs, strict=True):
        row += [old.name, f"{old.cycles:,}", f"{new.cycles:,}"]
        if old.energy and new.energy:
            row += [f"{old.energy:.3f}", f"{new.energy:.3f}", f"{new.energy / old.energy:.3f}"]
    return rows


def printed(cells: Sequence[str]) -> None:
    """A row of a table in Markdown."""
    print("| " + " | ".join(cells) + " |", flush=True)


def headed(heads: Sequence[str]) -> None:
    """The head of a table in Markdown."""
    printed(heads)
    print("|---" * len(heads) + "|", flush=True)


def main() -> None:
    """Print both tables, a row of the first as soon as it is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--energy", action="store_true")
    parser.add_argument("--styles", nargs="+", type=MemoryStyle, default=STYLES)
    parser.add_argument("--chip", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    names = given.names or ["gemm", *NAMES, *["edge_chip"] * given.chip]
    if given.chip:
        print_chips(names, given.size, given.styles[-1])
        return
    headed(HEADS)
    rows = []
    for name in names:
        workload = shrunk(load_workload(file_of(name)), given.size)
        found = []
        for style in given.styles:
            found.append(measure(workload, style, energy=given.energy))
            printed([f"`{name}`", f"`{style}`", *found[-1].cells()])
        rows += compared(f"`{name}`", found[0], found[-1])
    print()
    before, after = given.styles[0], given.styles[-1]
    energies = [f"pJ {before}", str(after), "ratio"] if given.energy else []
    headed(["design", "total", "logic", "dataflow", f"cycles {before}", str(after), *energies])
    for row in rows:
        printed(row)


if __name__ == "__main__":
    main()
