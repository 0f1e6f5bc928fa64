"""What a clock costs and what it reaches: python -m benchmarks.clock [--size 16] [--period 1.1] [NAME...]

Without `--clock`, and compiled and synthesised for that period: total area in 1,000 um2, least period in ns,
cycles of the first dataflow's full run, stages of registers, and where the longest path starts and ends.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.fusion import NAMES, ROOT, shrunk, synthesised
from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.pipeline import Options
from lego.designs import designs_of
from lego.ppa.library import read_library
from lego.ppa.price import areas
from lego.ppa.sram import black_boxes
from lego.ppa.timing import clock_of


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--period", type=float, default=1.1, help="ns")
    parser.add_argument("names", nargs="*", default=["gemm", *NAMES])
    given = parser.parse_args()
    library = read_library(None)
    print(f"{'design':14}{'for ns':>8}{'1,000 um2':>12}{'ns':>8}{'cycles':>10}  registers")
    for name in given.names:
        workload = shrunk(load_workload(ROOT / "workloads" / f"{name}.yaml"), given.size)
        (design,) = designs_of(workload)
        for period in (None, round(given.period * 1000)):
            options = Options(clock_ps=period)
            with tempfile.TemporaryDirectory() as folder:
                netlist, device = synthesised(design, options, Path(folder))
                area = areas(netlist, device, library)["total"] / 1e6
                reached = clock_of(netlist, library, black_boxes(device))
            stages = [k for k, yes in asdict(lower(design, options).times.stages).items() if yes]
            cycles = device.dataflows[0].program.cycles
            asked = "-" if period is None else f"{period / 1000:.3f}"
            row = f"{name:14}{asked:>8}{area:12,.1f}{reached.period_ps / 1000:8.3f}{cycles:10,}"
            print(f"{row}  {' '.join(stages)}\n{'':14}{reached.path}", flush=True)


if __name__ == "__main__":
    main()
