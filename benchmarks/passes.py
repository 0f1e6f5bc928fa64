"""What every pass saves, by synthesis: python -m benchmarks.passes [--size 8] [--ends] [NAME...]

Logic area (FUs, interconnect, memory logic, control; without SRAM macros) in 1,000 um2, flip-flops,
energy of that logic per cycle in pJ if every net switches in a fifth of the cycles (method of `lego
ppa`), and with `--clock` the least period in ns. -O0, each pass alone and -O2; each with its ratio
to -O0. Dataflows are those of workloads/, on arrays of at most `--size` per axis.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.fusion import NAMES, ROOT, shrunk, synthesised
from frontends.yaml import load_workload
from lego.back.pipeline import PASSES, Options
from lego.designs import designs_of
from lego.ir.fused import FusedAdg
from lego.ppa.gates import clock_rates
from lego.ppa.library import Library, read_library
from lego.ppa.power import energy_of, toggles_of
from lego.ppa.price import areas, flip_flops
from lego.ppa.sram import black_boxes
from lego.ppa.timing import Timing, clock_of

RATE = 0.2


@dataclass(frozen=True)
class Result:
    """Area of logic in 1,000 um2, flip-flops, pJ per cycle, least period in ns (0 if not asked for)."""

    area: float
    registers: int
    energy: float
    clock: float


def energy_fj(timing: Timing, library: Library) -> float:
    """Energy per cycle of all cells, without leakage; clock gates are open."""
    clocks = clock_rates(timing.circuit, {}).rates
    toggles = toggles_of(timing.circuit, library, lambda _: "fu", lambda _: RATE, clocks)
    found = energy_of(timing.circuit, timing.analysis, library, toggles)
    return sum(energy.total_fj for energy in found.values())


def measure(design: FusedAdg, options: Options, *, clock: bool) -> Result:
    """Synthesise the design after these passes."""
    library = read_library(None)
    with tempfile.TemporaryDirectory() as name:
        netlist, device = synthesised(design, options, Path(name))
        found = areas(netlist, device, library)
        timing = clock_of(netlist, library, black_boxes(device))
    return Result(
        area=(found["total"] - found["sram"]) / 1e6,
        registers=flip_flops(netlist, library),
        energy=energy_fj(timing, library) / 1000,
        clock=timing.period_ps / 1000 if clock else 0.0,
    )


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--clock", action="store_true")
    parser.add_argument("--ends", action="store_true", help="only -O0 and -O2")
    parser.add_argument("names", nargs="*", default=["gemm", *NAMES])
    given = parser.parse_args()
    alone = [(each.name, Options(passes=(each.name,))) for each in PASSES]
    ways = [("-O0", Options(level=0)), *([] if given.ends else alone), ("-O2", Options())]
    print(f"{'design':14}{'passes':12}" + "".join(f"{head:>18}" for head in HEADS))
    for name in given.names:
        workload = shrunk(load_workload(ROOT / "workloads" / f"{name}.yaml"), given.size)
        (design,) = designs_of(workload)
        first: Result | None = None
        for label, options in ways:
            row = measure(design, options, clock=given.clock)
            first = first or row
            cells = (
                f"{value:11,.1f}{value / base if base else 0:7.3f}"
                for value, base in zip(astuple(row), astuple(first), strict=True)
            )
            print(f"{name:14}{label:12}" + "".join(cells), flush=True)


HEADS = ("1,000 um2", "flip-flops", "pJ per cycle", "ns")

if __name__ == "__main__":
    main()
