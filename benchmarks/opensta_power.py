"""OpenSTA's `report_power` of a mapped circuit, with given toggles; and how Debian's version counts.

OpenSTA works out what every pin does from the ports on and forgets what it was told of pins on the
way, so the design is put between flip-flops, where it stops. Activity of single pins is told by a
procedure of its Tcl that has no command (`sta::set_power_pin_activity`).

Version 2.0.17 (2019, Debian's) counts energy inside cells otherwise than the Liberty manual has it.
A toggle takes the energy of a rise and that of a fall. Each table of an output counts with the
share of its own state, or half, and these don't add up to 1: the four tables of a XOR count half
each, so that its toggle takes four times what it should. Pins of flip-flops, whose tables are by
the states of Q and QN, count half of each, as these are taken to be independent; with rise and fall
that comes to what it should. Versions since 2020 take the mean of rise and fall, and scale an
output's shares so that they add up to 1; flip-flops' pins stay at half.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lego.ppa.circuit import OPEN, Circuit, Instances
from lego.ppa.functions import truth_table
from lego.ppa.inner import Share
from lego.tools import run

__all__ = ["as_2_0_17", "as_since_2020", "has_sta", "instance_power"]

Floats = NDArray[np.float64]
_WORD = re.compile(r"[A-Za-z_]\w*")


def has_sta() -> bool:
    """Whether OpenSTA is installed."""
    return shutil.which("sta") is not None


def instance_power(
    netlist: str,
    libraries: Sequence[Path],
    circuit: Circuit,
    top: str,
    rates: Floats,
    period_ps: int,
    scratch: Path,
) -> dict[str, tuple[float, float, float]]:
    """Per path of an instance its internal, switching and leakage power in uW; `rates` are toggles
    per cycle of each net."""
    (scratch / "sta.v").write_text(re.sub(r"\bsigned\b", "", netlist) + _between(circuit, top))
    (scratch / "rates.txt").write_text("".join(_rates(circuit, rates)))
    reads = "".join(f"read_liberty {{{path}}}\n" for path in libraries)
    (scratch / "power.tcl").write_text(f"{reads}{_SCRIPT.replace('PERIOD', str(period_ps / 1000))}")
    run(
        ["sta", "-no_splash", "-exit", "power.tcl"],
        cwd=scratch,
        timeout_s=1200,
    )
    found = {}
    for line in (scratch / "power.txt").read_text().splitlines():
        name, internal, switching, leakage, _ = line.split()
        watts = float(internal), float(switching), float(leakage)
        if name.startswith("dut/"):
            found[name.removeprefix("dut/")] = (watts[0] * 1e6, watts[1] * 1e6, watts[2] * 1e6)
    return found


_SCRIPT = """\
read_verilog sta.v
link_design between
create_clock -name clk -period PERIOD [get_ports clk]
report_checks
set f [open rates.txt]
while {[gets $f line] >= 0} {
  set pin [sta::find_pin [lindex $line 0]]
  if {$pin == "NULL"} { error "no pin $line" }
  sta::set_power_pin_activity $pin [lindex $line 1] 0.5
}
close $f
set corner [sta::cmd_corner]
set f [open power.txt w]
foreach inst [sta::network_leaf_instances] {
  puts $f "[get_full_name $inst] [sta::instance_power $inst $corner]"
}
close $f
exit
"""


def _between(circuit: Circuit, top: str) -> str:
    """Verilog of a module that drives the design's inputs from flip-flops."""
    wires, ports = [], [".clk(clk)"]
    for name, nets in circuit.ports.items():
        if name != "clk":
            wires.append(f"  wire [{len(nets) - 1}:0] {name};\n")
            ports.append(f".{name}({name})")
            wires += [
                f"  DFF_X1 {name}_{k} (.D({name}[{k}]), .CK(clk), .Q({name}[{k}]));\n"
                for k, net in enumerate(nets.tolist())
                if name in _inputs(circuit)
            ]
    body = "".join(wires)
    return f"\nmodule between (clk);\n  input clk;\n{body}  {top} dut ({', '.join(ports)});\nendmodule\n"


def _inputs(circuit: Circuit) -> set[str]:
    """Ports whose nets no cell drives."""
    driven = {
        net
        for held in circuit.instances.values()
        for slot, (name, _) in enumerate(held.slots)
        if held.cell.pins[name].direction == "output"
        for net in held.nets[:, slot].tolist()
    }
    return {name for name, nets in circuit.ports.items() if not driven & set(nets.tolist())}


def _rates(circuit: Circuit, rates: Floats) -> list[str]:
    lines = []
    for kind, held in circuit.instances.items():
        for row, nets in enumerate(held.nets.tolist()):
            path = circuit.name(kind, row).replace(".", "/")
            for net, (name, bit) in zip(nets, held.slots, strict=True):
                pin = held.cell.pins[name]
                if net != OPEN or pin.direction != "input":
                    at = f"{name}\\[{bit}\\]" if pin.bits > 1 else name
                    lines.append(f"dut/{path}/{at} {rates[net]:.6g}\n")
    return lines


def as_2_0_17(
    held: Instances, shares: Sequence[Share], rates: Floats, output: bool
) -> list[Floats | float]:
    """How often it counts each table per toggle; twice, as it takes rise and fall."""
    found: list[Floats | float] = []
    for share in shares:
        names = [name for name, _ in held.slots]
        source = names[share.source] if share.source >= 0 else names[share.slot]
        other = (
            None if share.power.when else _other(held.cell.pins[names[share.slot]].function, source)
        )
        if share.power.when:
            found.append(2 * _high(share.power.when))
        elif output and other is not None:
            ratio = rates[held.nets[:, share.source]] / np.maximum(
                rates[held.nets[:, share.slot]], 1e-30
            )
            found.append(2 * other * ratio)
        else:
            found.append(2.0 if held.cell.pins[source].clock else 1.0)
    return found


def as_since_2020(
    held: Instances, shares: Sequence[Share], rates: Floats, output: bool
) -> list[Floats | float]:
    """How often later versions count each table per toggle: all tables for one input alike,
    whatever the state."""
    if not output:
        return [_high(share.power.when) if share.power.when else 1.0 for share in shares]
    alike = [[other.share for other in shares if other.source == share.source] for share in shares]
    follows = [sum(each) / len(each) for each in alike]
    return [each / sum(follows) for each in follows]


def _high(text: str) -> float:
    """Share of the states of its names in which an expression is true."""
    names = tuple(dict.fromkeys(_WORD.findall(text)))
    table = truth_table(text, names)
    assert table is not None
    return table.bit_count() / (1 << len(names))


def _other(function: str, source: str) -> float | None:
    """If the function is of two operands, one of them the source: how often the other lets it through."""
    text = function.strip()
    while text.startswith("!") or _wrapped(text):
        text = text[1:].strip() if text.startswith("!") else text[1:-1].strip()
    if text == source:
        return 1.0
    depth, parts, operator = 0, [""], ""
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth == 0 and c in "&|^*+":
            operator = c
            parts.append("")
        else:
            parts[-1] += c
    if len(parts) != 2:
        return None
    left, right = (part.strip() for part in parts)
    for own, rest in ((left, right), (right, left)):
        if own.lstrip("!").strip() == source:
            share = _high(rest)
            return share if operator in "&*" else 1 - share
    return None


def _wrapped(text: str) -> bool:
    """Whether one pair of parentheses encloses all of it."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return c == ")" and k == len(text) - 1
    return False
