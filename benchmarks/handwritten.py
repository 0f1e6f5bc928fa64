"""Our 16x16 int8 arrays against plain hand-written ones: python -m benchmarks.handwritten

FUs and interconnect only, the same cell library and script. Area and clock as in `lego ppa`; energy
per multiply-accumulate by the method of `lego ppa`, every net switching in a fifth of the cycles.
The hand-written arrays have sums of 32 bits, and of as few as loops of 64 need, which is what LEGO
finds by itself.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.passes import energy_fj
from frontends.yaml import load_text
from lego.back.backend import lower
from lego.back.rtl.verilog import to_verilog
from lego.designs import designs_of
from lego.ppa.library import Library, read_library
from lego.ppa.synthesis import synthesise
from lego.ppa.timing import clock_of

HERE = Path(__file__).resolve().parent / "baseline"
SIZE = 16
WORKLOAD = """\
name: {name}
operations:
  - name: mm
    loops: {{m: 64, n: 64, k: 64}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflow: {{{flow}, control: systolic}}
architecture: {{array: [16, 16], read_cost: 1}}
"""
OURS = {
    "output_stationary": "spatial: {m: 16, n: 16}, temporal: [m, n, k]",
    "weight_stationary": "spatial: {k: 16, n: 16}, temporal: [n, k, m]",
}
EXACT_BITS = {"output_stationary": 22, "weight_stationary": 20}


def ours(name: str) -> tuple[str, str]:
    """Verilog of our design, and the module that holds FUs and interconnect."""
    (fused,) = designs_of(load_text(WORKLOAD.format(name=name[:2], flow=OURS[name])))
    return to_verilog(lower(fused).dag), f"{fused.name}_array"


def by_hand(name: str, bits: int) -> str:
    """Verilog of the hand-written array with sums of so many bits."""
    text = (HERE / f"{name}.v").read_text()
    return text.replace("parameter SUM = 32", f"parameter SUM = {bits}")


def measure(verilog: str, top: str, library: Library) -> tuple[float, float, float]:
    """Area in 1,000 um2, energy per MAC in fJ, least period in ns."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "in.v").write_text(verilog)
        netlist = synthesise(scratch / "in.v", top, [], library, scratch, flat=False)
        counts = netlist.instances()
        area = sum(
            counts[module] * many * library.cells[cell].area_um2
            for module, cells in netlist.cells.items()
            for cell, many in cells.items()
        )
        clock = clock_of(netlist, library, [])
        return area / 1000, energy_fj(clock, library) / SIZE**2, clock.period_ps / 1000


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    library = read_library(None)
    print(
        f"{'array':44}{'1,000 um2':>12}{'fJ per MAC':>12}{'ns':>8}{'area':>8}{'energy':>8}{'clock':>8}"
    )
    for name in OURS:
        verilog, top = ours(name)
        mine = measure(verilog, top, library)
        rows = [(f"{name}, LEGO", mine)]
        for bits in (32, EXACT_BITS[name]):
            label = f"{name}, by hand, {bits}-bit sums"
            rows.append((label, measure(by_hand(name, bits), name, library)))
        for label, (area, fj, ns) in rows:
            ratios = mine[0] / area, mine[1] / fj, ns / mine[2]
            print(
                f"{label:44}{area:12.1f}{fj:12.1f}{ns:8.3f}" + "".join(f"{r:8.3f}" for r in ratios),
                flush=True,
            )


if __name__ == "__main__":
    main()
