"""Measures the cost table of the front end by synthesis: python benchmarks/costs.py

Prints the area per unit in 1e-3 um2, and energies in aJ, beside lego/ir/costs.py.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lego.back.builder import Builder
from lego.back.passes.widths import infer_widths
from lego.back.rtl.verilog import to_verilog
from lego.ir.costs import COSTS
from lego.ir.dag import Dag, Op
from lego.ppa.library import read_library
from lego.ppa.power import cell_energy_fj
from lego.ppa.sram import macro
from lego.ppa.synthesis import synthesise

WIDTH = 32
WORD = (0, (1 << WIDTH) - 1)
BYTE = (-128, 127)


def register() -> Builder:
    """32 flip-flops."""
    b = Builder("probe", "fu")
    b.output("y", b.delay(b.input("a", WORD), 1))
    return b


def multiplexer() -> Builder:
    """32 two-input multiplexers."""
    b = Builder("probe", "fu")
    b.output("y", b.mux(b.input("s"), b.input("a", WORD), b.input("c", WORD)))
    return b


def adder() -> Builder:
    """32 bits."""
    b = Builder("probe", "fu")
    b.output("y", b.wrap(b.add(b.input("a", WORD), b.input("c", WORD)), WORD))
    return b


def multiplier() -> Builder:
    """8 by 8 bits, signed."""
    b = Builder("probe", "fu")
    b.output("y", b.op(Op.MUL, b.input("a", BYTE), b.input("c", BYTE)))
    return b


def area(probe: Builder) -> int:
    """Cell area of a probe in 1e-3 um2."""
    library = read_library(None)
    with tempfile.TemporaryDirectory() as name:
        verilog = Path(name) / "probe.v"
        verilog.write_text(to_verilog(Dag((infer_widths(probe.build()),))))
        netlist = synthesise(verilog, "probe", [], library, Path(name), flat=False)
    return sum(
        round(library.cells[cell].area_um2 * 1000) * n
        for cells in netlist.cells.values()
        for cell, n in cells.items()
    )


def measured() -> dict[str, int]:
    """The table, by synthesis; the SRAM entries from lines through two macros of a byte's width."""
    small, large = (macro(8, depth).area_nm2_k for depth in (16, 256))
    sram_bit = (large - small) / (8 * 240)
    return {
        "register_bit": round(area(register()) / WIDTH),
        "mux_bit": round(area(multiplexer()) / WIDTH),
        "adder_bit": round(area(adder()) / WIDTH),
        "multiplier_bit": round(area(multiplier()) / 64),
        "bank": round(small - 8 * 16 * sram_bit),
        "sram_bit": round(sram_bit),
        **energies(),
    }


def energies() -> dict[str, int]:
    """A flip-flop's energy by the power model, and a read's from a line through two macros."""
    library = read_library(None)
    data, clock = cell_energy_fj(library.cells["DFF_X1"], library.voltage, 0.25)
    small, large = (macro(8, depth).energy_fj for depth in (32, 8192))
    side = 1000 * (large - small) / (8 * (256 - 16))
    return {
        "register_aj": round(1000 * (data + clock)),
        "read_aj": round(1000 * small / 8 - 16 * side),
        "side_aj": round(side),
    }


def main() -> None:
    """Print both tables."""
    print(f"{'unit':16}{'measured':>10}{'table':>10}")
    table = asdict(COSTS)
    for name, value in measured().items():
        print(f"{name:16}{value:10}{table[name]:10}")


if __name__ == "__main__":
    main()
