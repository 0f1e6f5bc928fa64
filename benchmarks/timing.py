"""Our static timing analysis against OpenSTA's: python -m benchmarks.timing [NAME:SIZE...]

Per design: library cells, the least period in ns by OpenSTA and by us, the difference, seconds that
either took, and the ends of our longest path. Needs `sta` (Debian: apt-get install opensta). NAME
is a file of workloads/ or tests/workloads/, SIZE the array's longest side.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.fusion import ROOT, shrunk, synthesised
from benchmarks.opensta import least_period_ps, sta_version
from frontends.yaml import load_workload
from lego.back.pipeline import DEFAULT
from lego.designs import designs_of
from lego.ppa.library import Library, read_library
from lego.ppa.sram import black_boxes
from lego.ppa.timing import clock_of

DESIGNS = (
    "gemm_os_sys:4",
    "gemm_ws_bro:4",
    "fused_gemm_sys:4",
    "conv_ic_oc_sys:4",
    "depthwise_conv:4",
    "attention:4",
    "mttkrp_gemm:4",
    "conv_mnicoc:8",
    "gemm_multi:8",
    "gemm:16",
)


def compared(name: str, size: int, library: Library) -> str:
    """A row of the table, and a line with the path."""
    path = ROOT / "workloads" / f"{name}.yaml"
    if not path.is_file():
        path = ROOT / "tests" / "workloads" / f"{name}.yaml"
    (design,) = designs_of(shrunk(load_workload(path), size))
    with tempfile.TemporaryDirectory() as folder:
        netlist, device = synthesised(design, DEFAULT, Path(folder))
        begun = time.monotonic()
        theirs = least_period_ps(netlist, library, black_boxes(device), Path(folder))
        between = time.monotonic()
        ours = clock_of(netlist, library, black_boxes(device))
        ended = time.monotonic()
    cells = sum(len(held.nets) for held in ours.circuit.instances.values())
    difference = ours.analysis.period_ps / theirs - 1
    row = (
        f"{f'{name} {size}':22}{cells:10,}{theirs / 1000:9.4f}{ours.analysis.period_ps / 1000:9.4f}"
    )
    seconds = f"{between - begun:8.1f}{ended - between:8.1f}"
    return f"{row}{difference:+9.2%}{seconds}\n{'':22}{ours.path}"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("designs", nargs="*", default=DESIGNS, metavar="NAME:SIZE")
    given = parser.parse_args()
    library = read_library(None)
    print(f"OpenSTA {sta_version()}, {library.name}")
    heads = f"{'cells':>10}{'OpenSTA':>9}{'ours':>9}{'':>9}{'s':>8}{'s':>8}"
    print(f"{'design, longest side':22}{heads}")
    for each in given.designs:
        name, _, size = each.partition(":")
        print(compared(name, int(size or 16), library), flush=True)


if __name__ == "__main__":
    main()
