"""Clock period: by OpenSTA where it is installed, else from ABC's delays per module."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lego.diag import LegoError
from lego.ppa.library import Library
from lego.ppa.signals import signal_at, signal_held
from lego.ppa.sram import macro
from lego.ppa.synthesis import FLIP_FLOP_PS, Netlist
from lego.tools import run

__all__ = ["Timing", "clock_of"]

SRAM_SETUP_PS, EDGE_NS, PIN_FF = 50, 0.05, 2
STA_TIMEOUT_S = 1200.0

BY_STA = (
    "OpenSTA, one corner, ideal clock, no wire load, no buffers on nets that cross modules; "
    "SRAM access times by the macro model"
)
BY_ABC = (
    "ABC's longest combinational path within any one module, plus 120 ps for a flip-flop and no "
    "less than the SRAM's access; paths that cross modules aren't seen (OpenSTA sees them: "
    "sudo apt-get install -y opensta)"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """The fastest clock of a design.

    Attributes
    ----------
    period_ps : the minimum period.
    method : how it was found.
    path : where the longest path starts and ends, in the names of the Verilog: `a.b.held[3] -> a.c.sum[21]`;
        without OpenSTA the module that it is in.
    whole : whether paths that cross modules are among those timed; if not, the design may be slower.
    """

    period_ps: int
    method: str
    path: str
    whole: bool = True


def clock_of(
    netlist: Netlist, library: Library, macros: Sequence[Mapping[str, Any]], scratch: Path
) -> Timing:
    """The minimum clock period. Raises E803 if OpenSTA can't time the netlist."""
    if has_sta():
        return _by_sta(netlist, library, macros, scratch)
    return _by_abc(netlist, macros)


def has_sta() -> bool:
    """Whether OpenSTA is installed."""
    return shutil.which("sta") is not None


def _by_abc(netlist: Netlist, macros: Sequence[Mapping[str, Any]]) -> Timing:
    worst = max(netlist.delays_ps, key=lambda m: (netlist.delays_ps[m], m), default="")
    logic = netlist.delays_ps.get(worst, 0.0) + FLIP_FLOP_PS
    access = max((macro(m["bits"], m["depth"]).access_ps for m in macros), default=0)
    if access + SRAM_SETUP_PS > logic:
        return Timing(round(access + SRAM_SETUP_PS), BY_ABC, "within an SRAM macro", whole=False)
    return Timing(round(logic), BY_ABC, f"within {worst}", whole=False)


def _by_sta(
    netlist: Netlist, library: Library, macros: Sequence[Mapping[str, Any]], scratch: Path
) -> Timing:
    source = netlist.path.read_text()
    (scratch / "sta.v").write_text(re.sub(r"\bsigned\b", "", source))
    (scratch / "macros.lib").write_text(macro_liberty(macros))
    script = scratch / "sta.tcl"
    script.write_text(
        f"read_liberty {{{library.path}}}\nread_liberty macros.lib\nread_verilog sta.v\n"
        f"link_design {netlist.top}\ncreate_clock -name clk -period 1 [get_ports clk]\n"
        "report_checks -path_delay max -format full -digits 4\nexit\n"
    )
    done = run(
        ["sta", "-no_splash", "-exit", script.name],
        cwd=scratch,
        timeout_s=STA_TIMEOUT_S,
        check=False,
    )
    paths = [(float(found[1]), text) for text in re.split(r"^(?=Startpoint: )", done.stdout, flags=re.M)
             if (found := _SLACK.search(text))]  # fmt: skip
    if done.returncode or not paths:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise LegoError("E803", f"OpenSTA could not time {netlist.top}:\n{tail}")
    slack, worst = min(paths)  # one path per group of endpoints, as clock gates may be
    return Timing(round(1000 * (1 - slack)), BY_STA, _ends(worst, source, netlist.top, library))


_SLACK = re.compile(r"(-?[0-9.]+)\s+slack")
_REPORTED = re.compile(r"[v^] (\S+) \((\S+)\)$", re.M)


def _ends(report: str, source: str, top: str, library: Library) -> str:
    """Where a path that OpenSTA reports starts and ends."""
    data, _, _ = report.partition("data arrival time")
    pins = [(pin.replace("\\", ""), cell) for pin, cell in _REPORTED.findall(data)]
    if len(pins) < 2:
        return " -> ".join(re.findall(r"(?:Startpoint|Endpoint): (\S+)", report)[:2])
    clocked = pins[0][0].rpartition("/")[0] == pins[1][0].rpartition("/")[0]  # not a port
    return " -> ".join(
        _end(pin, cell, source, top, library) for pin, cell in (pins[clocked], pins[-1])
    )


def _end(pin: str, cell: str, source: str, top: str, library: Library) -> str:
    """A port, a pin of an SRAM, the signal of a register, or what enables a clock gate."""
    instance, _, port = pin.rpartition("/")
    if not instance:
        return pin
    if cell not in library.cells:
        return f"{instance.replace('/', '.')}.{port} (SRAM macro)"
    if library.cells[cell].gates:
        return f"{signal_at(source, top, instance, port)} (clock gate)"
    return signal_held(source, top, instance)


def macro_liberty(macros: Sequence[Mapping[str, Any]]) -> str:
    """A Liberty library of the SRAM macros: setup of their inputs, access time of their output."""
    buses = sorted({n for m in macros for n in (_address_bits(m), m["bits"]) if n > 1})
    types = "".join(
        f"  type (bus{n}) {{ base_type : array; data_type : bit; bit_width : {n}; "
        f"bit_from : {n - 1}; bit_to : 0; }}\n"
        for n in buses
    )
    return (
        'library (macros) {\n  delay_model : table_lookup;\n  time_unit : "1ns";\n'
        '  voltage_unit : "1V";\n  current_unit : "1mA";\n'
        "  capacitive_load_unit (1,ff);\n  nom_voltage : 1.1;\n"
        f"{''.join(f'  {name}_{edge} : {at};{chr(10)}' for name, at in _THRESHOLDS for edge in _EDGES)}"
        f"{types}{''.join(map(_macro_cell, macros))}}}\n"
    )


_EDGES = ("rise", "fall")
_THRESHOLDS = (
    ("input_threshold_pct", 50),
    ("output_threshold_pct", 50),
    ("slew_lower_threshold_pct", 30),
    ("slew_upper_threshold_pct", 70),
)


def _address_bits(m: Mapping[str, Any]) -> int:
    return max(1, (int(m["depth"]) - 1).bit_length())


def _macro_cell(m: Mapping[str, Any]) -> str:
    access = macro(m["bits"], m["depth"]).access_ps / 1000
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
            ("wdata", m["bits"]),
        )
    ]
    ports += [
        _port("clk", 1, "direction : input; clock : true;"),
        _port("rdata", m["bits"], f"direction : output; {read}"),
    ]
    return f"  cell ({m['module']}) {{\n{''.join(ports)}  }}\n"


def _port(name: str, bits: int, body: str) -> str:
    load = "" if "output" in body else f"capacitance : {PIN_FF}; "
    kind = f"bus ({name}) {{ bus_type : bus{bits};" if bits > 1 else f"pin ({name}) {{"
    return f"    {kind} {load}{body} }}\n"


def _arc(kind: str, **tables: float) -> str:
    values = " ".join(f'{name}(scalar) {{ values("{v}"); }}' for name, v in tables.items())
    return f"timing() {{ related_pin : clk; timing_type : {kind}; {values} }} "
