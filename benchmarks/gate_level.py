"""A mapped netlist simulated in the usual bench, and its power by OpenSTA from what every pin did.

Cells are the functions that the Liberty file gives them, flip-flops and clock gates are below; RAMs are the RTL's. Every input
and output of every cell gets the toggles that were simulated (zero delay: no glitches). OpenSTA then takes each cell's power from the
library's tables. Debian's version (2019) believes that clock pins behind a clock gate toggle always: what a flip-flop takes with only its clock
toggling is measured apart (`quiet`), and the part of it for the cycles in which the gate was shut is taken off again, and the same part of the
gated net's. What is inside a gate is counted as if it were always open, against gating.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lego.ppa.library import Library
from lego.ppa.synthesis import Netlist
from lego.ppa.timing import macro_liberty
from lego.tools import run

GATE = """\
module {name} (input CK, input E, output GCK);
  reg open;
  always_latch if (!CK) open = E;
  assign GCK = CK & open;
endmodule
"""
FLIP_FLOP = """\
module {name} (input D, input CK, output reg Q, output QN);
  always @(posedge CK) Q <= D;
  assign QN = ~Q;
endmodule
"""
_MODULE = re.compile(r"^module (\w+)\s*\(.*?^endmodule", re.MULTILINE | re.DOTALL)


def simulated_text(netlist: Netlist, rtl: str, library: Library, scratch: Path) -> str:
    """Verilog of the netlist with models of its cells and the RAMs of the RTL."""
    mapped = netlist.path.read_text()
    used = {name for cells in netlist.cells.values() for name in cells}
    known = {m.group(1): m.group(0) for m in _MODULE.finditer(_cell_models(library, scratch))}
    models = []
    for name in sorted(used):
        if library.cells[name].gates:
            models.append(GATE.format(name=name))
        elif library.cells[name].clock_ff > 0:
            models.append(FLIP_FLOP.format(name=name))
        else:
            models.append(known[name])
    held = {child for children in netlist.children.values() for child in children}
    rams = [m.group(0) for m in _MODULE.finditer(rtl) if m.group(1) in held - {*netlist.cells}]
    return "\n".join([mapped, *models, *rams])


def _cell_models(library: Library, scratch: Path) -> str:
    """Verilog of the combinational cells; in a process of its own, as Yosys prints."""
    import sys

    commands = [
        f"read_liberty -overwrite -ignore_miss_func {library.path}",
        f"write_verilog -noattr {scratch}/cells.v",
    ]
    script = f"from pyosys import libyosys as ys\nd = ys.Design()\nfor c in {commands!r}: ys.run_pass(c, d)"
    run([sys.executable, "-c", script], cwd=scratch, timeout_s=300)
    return (scratch / "cells.v").read_text()


@dataclass(frozen=True)
class Toggles:
    """Per cell or module, by path, pin and bit: toggles and the share of time at one; over `cycles` cycles."""

    cycles: int
    pins: dict[tuple[str, str], tuple[int, float]]


def read_toggles(saif: str) -> Toggles:
    """Everything in the instance `dut`."""
    found = re.search(r"\(DURATION (\d+)\)", saif)
    assert found is not None
    duration = int(found[1])
    pins: dict[tuple[str, str], tuple[int, float]] = {}
    path: list[str | None] = []
    for line in map(str.strip, saif.split("\n")):
        if line == ")":
            path.pop()
        elif bit := re.match(r"\((\S+) \(T0 \d+\) \(T1 (\d+)\) .*\(TC (\d+)\)\)", line):
            names = [p for p in path if p is not None]
            if "dut" in names:
                where = "/".join(names[names.index("dut") + 1 :])
                pins[where, bit[1]] = (int(bit[3]), int(bit[2]) / duration)
        elif line.startswith("("):
            inner = re.match(r"\(INSTANCE (\S+)", line)
            if not line.endswith("))") and line.count("(") > line.count(")"):
                path.append(inner[1] if inner else None)
    return Toggles(duration // 2, pins)
