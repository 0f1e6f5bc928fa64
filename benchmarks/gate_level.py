"""A mapped netlist simulated in the usual bench, and its power from what every net did.

Cells are the functions that the Liberty file gives them, flip-flops and clock gates are below, RAMs
are the RTL's. Power is the library's leakage, and per toggle of a net (zero delay: no glitches) `C
V^2 / 2` for the pins on it and the energy that the library gives for the cell behind a clock or
data pin of a flip-flop or clock gate, or before an output; the mean over a pin's states, at one
slew and load. Wires have no capacitance. So a flip-flop behind a gate that is shut takes leakage
only, and the gate what its own clock pin takes. OpenSTA isn't used: Debian's (2019) believes that a
gated clock toggles always.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lego.ppa.cells import Pin, Table
from lego.ppa.library import Library
from lego.ppa.synthesis import Netlist
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
POINT = 2
"""Entry of the library's tables, for slew and load: 17 ps, and four times the least load or so."""

_MODULE = re.compile(r"^module (\w+)\s*\(.*?^endmodule", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  (\w+) (?:\\\S+ |\w+) \(\n((?:    \.\w+\([^\n]*\),?\n)+)  \);", re.MULTILINE)
_BIT = re.compile(r"\((\S+) \(T0 \d+\) \(T1 \d+\) .*\(TC (\d+)\)\)")

Energies = dict[str, dict[str, float]]
"""fJ per toggle, by cell and pin."""


def simulated_text(netlist: Netlist, rtl: str, library: Library, scratch: Path) -> str:
    """Verilog of the netlist with models of its cells and the RAMs of the RTL."""
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
    untraced = ["/*verilator tracing_off*/", *models, "/*verilator tracing_on*/"]
    return "\n".join([*untraced, _renamed(netlist.path.read_text()), *rams])


def _renamed(verilog: str) -> str:
    """The netlist with names that Verilator records: none begins with an underscore."""
    return re.sub(r"(?<![\w.\\])(\\?)_(\d+)_(?!\w)", r"\1n_\2_", verilog)


def _cell_models(library: Library, scratch: Path) -> str:
    """Verilog of the combinational cells; by a process of its own, as Yosys prints."""
    commands = [
        f"read_liberty -overwrite -ignore_miss_func {library.path}",
        f"write_verilog -noattr {scratch}/cells.v",
    ]
    script = f"from pyosys import libyosys as ys\nd = ys.Design()\nfor c in {commands!r}: ys.run_pass(c, d)"
    run([sys.executable, "-c", script], cwd=scratch, timeout_s=300)
    return (scratch / "cells.v").read_text()


@dataclass(frozen=True)
class Toggles:
    """Toggles of every net, by instance and name, over `cycles` cycles."""

    cycles: int
    nets: dict[str, dict[str, int]]


def read_toggles(saif: str) -> Toggles:
    """Everything in the instance `dut`."""
    duration = re.search(r"\(DURATION (\d+)\)", saif)
    assert duration is not None
    nets: dict[str, dict[str, int]] = {}
    path: list[str] = []
    inside: dict[str, int] | None = None
    for line in map(str.strip, saif.split("\n")):
        if line == ")":
            path.pop()
        elif bit := _BIT.match(line):
            if inside is not None:
                inside[bit[1].replace("\\", "")] = int(bit[2])
        elif line.startswith("(") and line.count("(") > line.count(")"):
            instance = re.match(r"\(INSTANCE (\S+)", line)
            path.append(instance[1] if instance else "")
            names = [name for name in path if name]
            if instance:
                inside = None
                if "dut" in names:
                    inside = nets.setdefault("/".join(names[names.index("dut") + 1 :]), {})
    return Toggles(int(duration[1]) // 2, nets)


def energies(library: Library) -> Energies:
    """What a toggle of each pin takes, without what else is on its net."""
    found: Energies = {}
    for name, cell in library.cells.items():
        found[name] = {}
        for pin in cell.pins.values():
            given = pin.direction == "input"
            own = pin.capacitance_ff * library.voltage**2 / 2 if given else 0.0
            inner = _internal(pin) if cell.clock_ff > 0 or not given else 0.0
            found[name][pin.name] = own + inner
    return found


def _internal(pin: Pin) -> float:
    """Mean of the pin's tables of internal energy, over rise, fall and states."""
    tables = [table for power in pin.power for table in (power.rise, power.fall) if table]
    return sum(map(_at_point, tables)) / len(tables) if tables else 0.0


def _at_point(table: Table) -> float:
    at = 0
    for points in table.points:
        at = at * len(points) + min(POINT, len(points) - 1)
    return table.values[at]


def energy_fj(netlist: Netlist, library: Library, toggles: Toggles) -> float:
    """Energy per cycle of all cells, without leakage."""
    table = energies(library)
    weights = {
        m.group(1): _weights(m.group(0), table)
        for m in _MODULE.finditer(_renamed(netlist.path.read_text()))
    }
    total = 0.0
    for path, module in _instances(netlist, weights):
        seen = toggles.nets.get(path, {})
        for net, weight in weights[module].nets.items():
            total += weight * seen[net]
    return total / toggles.cycles


@dataclass(frozen=True)
class _Weights:
    nets: dict[str, float]
    children: list[tuple[str, str]]


def _weights(text: str, table: Energies) -> _Weights:
    """fJ per toggle of each net of a module, and its instances of other modules."""
    nets: dict[str, float] = {}
    children = []
    for match in re.finditer(_CELL, text):
        kind = match.group(1)
        if kind not in table:
            name = match.group(0).split("(")[0].split()[1].lstrip("\\")
            children.append((name, kind))
            continue
        for pin, net in re.findall(r"\.(\w+)\(([^\n]*?)\s*\),?\n", match.group(2)):
            if net and "'" not in net:
                key = net.lstrip("\\").strip()
                nets[key] = nets.get(key, 0.0) + table[kind][pin]
    return _Weights(nets, children)


def _instances(netlist: Netlist, weights: Mapping[str, _Weights]) -> list[tuple[str, str]]:
    """(path, module) of everything but RAMs."""
    found = [("", netlist.top)]
    for path, module in found:
        for name, kind in weights[module].children:
            if kind in weights:
                found.append((f"{path}/{name}".lstrip("/"), kind))
    return found


def leakage_uw(netlist: Netlist, library: Library) -> float:
    """Leakage of all cells."""
    return sum(
        many * count * library.cells[cell].leakage_nw / 1000
        for module, count in netlist.instances().items()
        for cell, many in netlist.cells.get(module, {}).items()
    )
