"""SRAM macros as a Liberty library, for timing and for synthesis, which takes them as black boxes."""

from __future__ import annotations

from collections.abc import Sequence

from lego.ppa.library import Library
from lego.ppa.sram import BlackBox

__all__ = ["macro_liberty"]

SRAM_SETUP_PS, EDGE_NS, PIN_FF = 50, 0.05, 2


def macro_liberty(macros: Sequence[BlackBox], library: Library) -> str:
    """A Liberty library of the SRAM macros: setup of their inputs, access time of their output;
    slews are measured as in the library of the cells."""
    buses = sorted({n for m in macros for _, n in (*m.inputs, m.output) if n > 1})
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


def _macro_cell(m: BlackBox) -> str:
    access, clock = m.price.access_ps / 1000, m.clocks[0]
    setup = _arc(clock, "setup_rising", rise_constraint=SRAM_SETUP_PS / 1000)
    setup += _arc(clock, "setup_rising", fall_constraint=SRAM_SETUP_PS / 1000)
    read = _arc(clock, "rising_edge", cell_rise=access, rise_transition=EDGE_NS)
    read += _arc(clock, "rising_edge", cell_fall=access, fall_transition=EDGE_NS)
    ports = [_port(name, bits, f"direction : input; {setup}") for name, bits in m.inputs]
    ports += [_port(name, 1, "direction : input; clock : true;") for name in m.clocks]
    ports.append(_port(*m.output, f"direction : output; {read}"))
    return f"  cell ({m.module}) {{\n{''.join(ports)}  }}\n"


def _port(name: str, bits: int, body: str) -> str:
    load = "" if "output" in body else f"capacitance : {PIN_FF}; "
    kind = f"bus ({name}) {{ bus_type : bus{bits};" if bits > 1 else f"pin ({name}) {{"
    return f"    {kind} {load}{body} }}\n"


def _arc(clock: str, kind: str, **tables: float) -> str:
    values = " ".join(f'{name}(scalar) {{ values("{v}"); }}' for name, v in tables.items())
    return f"timing() {{ related_pin : {clock}; timing_type : {kind}; {values} }} "
