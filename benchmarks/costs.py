"""Measures the cost tables by synthesis: python benchmarks/costs.py

Prints the area per unit in 1e-3 um2, and energies in aJ, beside lego/ir/costs.py; then the delays
of primitives between two registers in ps, beside what the table of delays says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.rtl.verilog import to_verilog
from lego.back.schedule.estimate import delay_of
from lego.back.sram.model import sram_model
from lego.ir.costs import COSTS, DELAYS
from lego.ir.dag import Dag, Module, Op
from lego.ppa.gates import clock_rates
from lego.ppa.library import read_library
from lego.ppa.power import energy_of, toggles_of
from lego.ppa.sram import macro
from lego.ppa.synthesis import Netlist, synthesise
from lego.ppa.timing import clock_of

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


def masks() -> Builder:
    """32 bits of 16 words, each masked by its select."""
    b = Builder("probe", "fu")
    pairs = [(b.input(f"s{k}"), b.input(f"a{k}", WORD)) for k in range(16)]
    b.output("y", b.op(Op.ONEHOT, *(node for pair in pairs for node in pair)))
    return b


def gates() -> Builder:
    """32 conjunctions of two bits."""
    b = Builder("probe", "fu")
    for k in range(WIDTH):
        b.output(f"y{k}", b.all([b.input(f"a{k}"), b.input(f"c{k}")]))
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
    return area_of(infer_widths(probe.build()))


def area_of(module: Module) -> int:
    """Cell area of a module in 1e-3 um2."""
    library = read_library(None)
    with tempfile.TemporaryDirectory() as name:
        netlist = netlist_of(module, Path(name))
    return sum(
        round(library.cells[cell].area_um2 * 1000) * n
        for cells in netlist.cells.values()
        for cell, n in cells.items()
    )


def netlist_of(module: Module, folder: Path) -> Netlist:
    """The cells of the module `probe`."""
    (folder / "probe.v").write_text(to_verilog(Dag((module,))))
    return synthesise(folder / "probe.v", "probe", [], read_library(None), folder, flat=False)


def measured() -> dict[str, int]:
    """The table, by synthesis; the SRAM entries from lines through two macros of a byte's width."""
    small, large = (macro(8, depth).area_nm2_k for depth in (16, 256))
    sram_bit = (large - small) / (8 * 240)
    return {
        "register_bit": round(area(register()) / WIDTH),
        "mux_bit": round(area(multiplexer()) / WIDTH),
        "mask_bit": round(area(masks()) / (16 * WIDTH)),
        "gate": round(area(gates()) / WIDTH),
        "adder_bit": round(area(adder()) / WIDTH),
        "multiplier_bit": round(area(multiplier()) / 64),
        "bank": round(small - 8 * 16 * sram_bit),
        "sram_bit": round(sram_bit),
        **registers(),
        **energies(),
    }


def registers() -> dict[str, int]:
    """Memories that are too small for macros, from lines through two of a byte's width. Of a read, how
    much more it takes than flip-flops that change every fourth cycle, with all that `lego ppa` counts."""
    areas = [area_of(sram_model("probe", depth, 8)) for depth in (16, 48)]
    bit = (areas[1] - areas[0]) / (8 * 32)
    flip_flops = energy(delayed()) - energy(path())
    small, large = ((energy(reading(depth)) - energy(path())) / flip_flops for depth in (16, 48))
    unit, side = energies()["register_aj"], (large - small) / 32
    return {
        "stored_bit": round(bit),
        "stored_word_bit": round(areas[0] / 8 - 16 * bit),
        "stored_read_aj": round(unit * (small - 16 * side)),
        "stored_side_aj": round(unit * side),
    }


def path() -> Builder:
    """A path between two registers, which the timing analysis wants."""
    b = Builder("probe", "memory")
    b.output("read", b.delay(b.input("ren"), 2))
    return b


def delayed() -> Builder:
    """A byte that a register holds."""
    b = path()
    b.output("rdata", b.delay(b.input("data", (0, 255)), 1))
    return b


def reading(depth: int) -> Builder:
    """A byte that is read from registers, which are ports here."""
    b = path()
    stored = [b.input(f"w{k}", (0, 255)) for k in range(depth)]
    held = b.reg((0, 255), resets=False)
    word = b.select(b.input("raddr", (0, depth - 1)), (depth - 1).bit_length(), stored)
    b.drive(held, word, b.delay(b.input("ren"), 2))
    b.output("rdata", held)
    return b


def energy(probe: Builder) -> float:
    """fJ per cycle if every net toggles in every fourth cycle, but enables and what is stored."""
    library = read_library(None)
    with tempfile.TemporaryDirectory() as name:
        timing = clock_of(netlist_of(infer_widths(probe.build()), Path(name)), library, [])
    circuit = timing.circuit
    clocks = clock_rates(circuit, {}).rates
    toggles = toggles_of(circuit, library, lambda _: "memory", lambda _: 0.25, clocks)
    for port, nets in circuit.ports.items():
        if port in ("ren", "read") or port.startswith("w"):
            toggles.rates[nets] = 0.0
    found = energy_of(circuit, timing.analysis, library, toggles)
    return sum(each.total_fj for each in found.values())


def energies() -> dict[str, int]:
    """A flip-flop's energy by the capacitance of its pins, doubled, and a read's from a line
    through two macros."""
    library = read_library(None)
    flip_flop, per_ff = library.cells["DFF_X1"], library.voltage**2
    data, clock = flip_flop.input_ff * per_ff * 0.25, flip_flop.clock_ff * per_ff * 2
    small, large = (macro(8, depth).energy_fj for depth in (32, 8192))
    side = 1000 * (large - small) / (8 * (256 - 16))
    return {
        "register_aj": round(1000 * (data + clock)),
        "read_aj": round(1000 * small / 8 - 16 * side),
        "side_aj": round(side),
    }


def delays() -> dict[str, tuple[int, int]]:
    """Least periods in ps with primitives of several widths between registers, and their estimates."""
    found = {"sram 32x256": (macro(32, 256).access_ps, DELAYS.sram + DELAYS.sram_side * 90)}
    shapes = [(Op.ADD, 8, 8), (Op.ADD, 16, 16), (Op.ADD, 32, 32), (Op.LT, 8, 8), (Op.LT, 16, 16)]
    shapes += [(Op.MUL, 4, 4), (Op.MUL, 8, 8), (Op.MUL, 16, 8), (Op.MUX, 8, 8), (Op.MUX, 32, 32)]
    for op, width, other in shapes:
        b = Builder("probe", "fu")
        spans = [(-(1 << (n - 1)), (1 << (n - 1)) - 1) for n in (width, other)]
        srcs = [b.delay(b.input(f"x{k}", span), 1) for k, span in enumerate(spans)]
        if op is Op.MUX:
            srcs = [b.delay(b.input("s"), 1), *srcs]
        b.output("y", b.delay(b.op(op, *srcs), 1))
        module = infer_widths(b.build())
        node = next(node for node in module.nodes if node.op is op)
        estimate = DELAYS.register + delay_of(module, node)
        found[f"{op} {width}x{other}"] = period(module), estimate
    return found


def period(module: Module) -> int:
    """Least clock period in ps."""
    library = read_library(None)
    with tempfile.TemporaryDirectory() as name:
        return clock_of(netlist_of(module, Path(name)), library, []).period_ps


def main() -> None:
    """Print the tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"{'unit':16}{'measured':>10}{'table':>10}")
    table = asdict(COSTS)
    for name, value in measured().items():
        print(f"{name:16}{value:10}{table[name]:10}")
    print(f"\n{'ps':16}{'measured':>10}{'estimate':>10}")
    for name, (value, estimate) in delays().items():
        print(f"{name:16}{value:10}{estimate:10}")


if __name__ == "__main__":
    main()
