"""Clock period: by static timing analysis of the mapped netlist, SRAM macros with the model's
access times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lego.ir.device import Macro
from lego.ppa.circuit import Circuit, elaborate
from lego.ppa.liberty import parse_liberty
from lego.ppa.library import Library, cells_of
from lego.ppa.sram import macro
from lego.ppa.sta import Analysis, PathStep, analyse
from lego.ppa.synthesis import GRAPH, Netlist

__all__ = ["METHOD", "Timing", "clock_of", "macro_liberty"]

SRAM_SETUP_PS, EDGE_NS, PIN_FF = 50, 0.05, 2

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


def clock_of(netlist: Netlist, library: Library, macros: Sequence[Macro]) -> Timing:
    """The minimum clock period. Raises E803 if the netlist can't be timed."""
    cells = {
        **library.cells,
        **cells_of(parse_liberty(macro_liberty(macros, library), "SRAM macros")),
    }
    document = json.loads((netlist.path.parent / GRAPH).read_text())
    circuit = elaborate(document, netlist.top, cells)
    found = analyse(circuit, library.wire)
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


def macro_liberty(macros: Sequence[Macro], library: Library) -> str:
    """A Liberty library of the SRAM macros: setup of their inputs, access time of their output;
    slews are measured as in the library of the cells."""
    buses = sorted({n for m in macros for n in (_address_bits(m), m.bits) if n > 1})
    types = "".join(
        f"  type (bus{n}) {{ base_type : array; data_type : bit; bit_width : {n}; "
        f"bit_from : {n - 1}; bit_to : 0; }}\n"
        for n in buses
    )
    return (
        'library (macros) {\n  delay_model : table_lookup;\n  time_unit : "1ns";\n'
        '  voltage_unit : "1V";\n  current_unit : "1mA";\n'
        "  capacitive_load_unit (1,ff);\n  nom_voltage : 1.1;\n"
        f"{''.join(f'  {name} : {at};{chr(10)}' for name, at in library.thresholds.items())}"
        f"{types}{''.join(map(_macro_cell, macros))}}}\n"
    )


def _address_bits(m: Macro) -> int:
    return max(1, (m.depth - 1).bit_length())


def _macro_cell(m: Macro) -> str:
    access = macro(m.bits, m.depth).access_ps / 1000
    setup = _arc("setup_rising", rise_constraint=SRAM_SETUP_PS / 1000)
    setup += _arc("setup_rising", fall_constraint=SRAM_SETUP_PS / 1000)
    read = _arc("rising_edge", cell_rise=access, rise_transition=EDGE_NS)
    read += _arc("rising_edge", cell_fall=access, fall_transition=EDGE_NS)
    ports = [_port(name, 1, f"direction : input; {setup}") for name in ("ren", "wen")]
    ports += [
        _port(name, bits, f"direction : input; {setup}")
        for name, bits in (
            ("raddr", _address_bits(m)),
            ("waddr", _address_bits(m)),
            ("wdata", m.bits),
        )
    ]
    ports += [
        _port("clk", 1, "direction : input; clock : true;"),
        _port("rdata", m.bits, f"direction : output; {read}"),
    ]
    return f"  cell ({m.module}) {{\n{''.join(ports)}  }}\n"


def _port(name: str, bits: int, body: str) -> str:
    load = "" if "output" in body else f"capacitance : {PIN_FF}; "
    kind = f"bus ({name}) {{ bus_type : bus{bits};" if bits > 1 else f"pin ({name}) {{"
    return f"    {kind} {load}{body} }}\n"


def _arc(kind: str, **tables: float) -> str:
    values = " ".join(f'{name}(scalar) {{ values("{v}"); }}' for name, v in tables.items())
    return f"timing() {{ related_pin : clk; timing_type : {kind}; {values} }} "
