"""Clock period: by static timing analysis of the mapped netlist, SRAM macros with the model's
access times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lego.ppa.circuit import Circuit, elaborate
from lego.ppa.liberty import parse_liberty
from lego.ppa.library import Library, cells_of
from lego.ppa.macro_liberty import macro_liberty
from lego.ppa.sram import BlackBox
from lego.ppa.sta import Analysis, PathStep, analyse
from lego.ppa.synthesis import GRAPH, Netlist

__all__ = ["METHOD", "Timing", "clock_of"]

METHOD = (
    "static timing analysis of all paths between registers, with the library's tables: one "
    "corner, ideal clock, the library's default wire load, no buffers on nets that cross "
    "modules; SRAM access times by the macro model"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """The fastest clock of a design.

    Attributes
    ----------
    period_ps : the minimum period.
    path : where the longest path starts and ends, in the names of the Verilog: `a.b.held[3] -> a.c.sum[21]`.
    steps : instance, cell, pin and arrival in ps of each pin on the longest path: outputs, then the
        pin where it ends.
    circuit, analysis : the flat netlist, and slews and loads of its nets.
    """

    period_ps: int
    path: str
    steps: tuple[tuple[str, str, str, int], ...]
    circuit: Circuit
    analysis: Analysis


def clock_of(
    netlist: Netlist, library: Library, macros: Sequence[BlackBox], clock: str = "clk"
) -> Timing:
    """The minimum period of the clock at this port. Raises E803 if the netlist can't be timed."""
    cells = {
        **library.cells,
        **cells_of(parse_liberty(macro_liberty(macros, library), "SRAM macros")),
    }
    document = json.loads((netlist.path.parent / GRAPH).read_text())
    circuit = elaborate(document, netlist.top, cells)
    found = analyse(circuit, library.wire, clock)
    ends = [_end(circuit, found.path[k], library) for k in (0, -1)]
    steps = tuple(
        (circuit.name(step.cell, step.row), step.cell, _pin(circuit, step), round(step.arrival_ps))
        for step in found.path
    )
    return Timing(round(found.period_ps), " -> ".join(ends), steps, circuit, found)


def _pin(circuit: Circuit, step: PathStep) -> str:
    name, bit = step.pin
    wide = circuit.instances[step.cell].cell.pins[name].bits > 1
    return f"{name}[{bit}]" if wide else name


def _end(circuit: Circuit, step: PathStep, library: Library) -> str:
    """A pin of an SRAM, the signal of a register, or what enables a clock gate."""
    held = circuit.instances[step.cell]
    if step.cell not in library.cells:
        return f"{circuit.name(step.cell, step.row)}.{_pin(circuit, step)} (SRAM macro)"
    if held.cell.gates:
        return f"{circuit.signal(step.cell, step.row, (step.pin,))} (clock gate)"
    outputs = [slot for slot in held.slots if held.cell.pins[slot[0]].direction == "output"]
    return circuit.signal(step.cell, step.row, outputs)
