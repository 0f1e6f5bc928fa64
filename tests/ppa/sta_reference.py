"""A small library whose figures are linear, circuits made of it at random, and their timing by
plain recursion over the flattened netlist."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from lego.ppa.cells import Cell
from lego.ppa.liberty import parse_liberty
from lego.ppa.library import cells_of

EDGES = ("rise", "fall")
FIGURES: dict[str, tuple[float, ...]] = {
    "INV": (5, 0.25, 2, 3, 0.25, 1),
    "NAND": (7, 0.5, 3, 4, 0.25, 2),
    "XOR": (11, 0.75, 3, 6, 0.5, 2),
    "XOR-": (15, 0.5, 3, 9, 0.25, 2),
    "AND": (9, 0.5, 1, 2, 0.5, 1),
    "MUX": (13, 0.5, 2, 5, 0.25, 1),
    "FF": (20, 0.25, 2, 8, 0.5, 1),
    "GATE": (6, 0.25, 1, 2, 0.25, 1),
}
"""Delay in ps: constant, per ps of slew, per fF of load; slew likewise.

An edge that falls takes 3 ps more and drives 0.5 per fF better.
"""

FUNCTIONS: dict[str, Callable[..., int]] = {
    "INV": lambda a: 1 - a,
    "NAND": lambda a, b: 1 - (a & b),
    "XOR": lambda a, b: a ^ b,
    "AND": lambda a, b: a & b,
    "MUX": lambda a, b, s: b if s else a,
}
LIBERTY = {"INV": "!A", "NAND": "!(A & B)", "XOR": "A ^ B", "AND": "A*B", "MUX": "!S A + S B"}
_XOR = (("XOR", "!other", "positive_unate"), ("XOR-", "other", "negative_unate"))
_AND = (("AND", "", "positive_unate"),)
SENSES = {"XOR.A": _XOR, "XOR.B": _XOR, "AND.A": _AND, "MUX.S": (("MUX", "", "non_unate"),)}
"""Figures, state and sense that the file gives for arcs; the senses of others are those of their
functions."""

SETUP = {"rise": (12.0, 0.5), "fall": (9.0, 0.25)}
"""Time that D and E need: constant, per ps of slew; the clock's slew, which is 0, would add to it."""

FF = {"A": 1.5, "B": 2.0, "S": 2.5, "D": 1.0, "CK": 0.75, "E": 1.25}
"""Capacitance of pins in fF; 0.5 more for a falling edge."""

WIRE_FF = 0.25
"""Capacitance of a wire per pin that it leads to."""


def figure(cell: str, edge: str, kind: int, slew: float, load: float) -> float:
    """Delay (kind 0) or slew (3) of an output."""
    base, per_slew, per_load = FIGURES[cell][kind : kind + 3]
    fall = edge == "fall"
    return base + 3 * fall + per_slew * slew + (per_load - 0.5 * fall) * load


def liberty() -> str:
    """The library as a Liberty file."""
    cells = ""
    for cell, function in LIBERTY.items():
        ins = [pin for pin in "ABS" if pin in function]
        arcs = "".join(
            f"timing () {{ related_pin : {pin}; {_said(pin, *said)} {_delays(figures)} }}"
            for pin in ins
            for figures, *said in SENSES.get(f"{cell}.{pin}", ((cell, "", ""),))
        )
        pins = "".join(_input(pin) for pin in ins)
        output = f'direction : output; function : "{function}"; {arcs}'
        cells += f"cell ({cell}) {{ {pins} pin (Z) {{ {output} }} }}\n"
    launch = f"timing () {{ related_pin : CK; timing_type : rising_edge; {_delays('FF')} }}"
    follow = f"timing () {{ related_pin : CK; timing_sense : positive_unate; {_delays('GATE')} }}"
    setup = f"timing () {{ related_pin : CK; timing_type : setup_rising; {_setup()} }}"
    cells += f"""cell (FF) {{ ff (IQ, IQN) {{ next_state : D; clocked_on : CK; }}
      {_input("CK", "clock : true;")}
      {_input("D", setup)} pin (Q) {{ direction : output; function : IQ; {launch} }} }}
    cell (GATE) {{ clock_gating_integrated_cell : latch_posedge; statetable (CK, IQ) {{ }}
      {_input("CK", "clock_gate_clock_pin : true;")} {_input("E", setup)}
      pin (GCK) {{ direction : output; {follow} }} }}
    """
    return (
        'library (linear) { time_unit : "1ps"; capacitive_load_unit (1, ff);\n'
        "lu_table_template (d) { variable_1 : input_net_transition;\n"
        "  variable_2 : total_output_net_capacitance;\n"
        '  index_1 ("0, 8"); index_2 ("0, 4"); }\n'
        "lu_table_template (s) { variable_1 : constrained_pin_transition;\n"
        "  variable_2 : related_pin_transition;\n"
        '  index_1 ("0, 8"); index_2 ("0, 8"); }\n'
        f"{cells} }}"
    )


def _said(pin: str, when: str, sense: str) -> str:
    """Condition and sense of an arc from A or B."""
    state = when.replace("other", "AB".replace(pin, ""))
    return (f'when : "{state}"; ' if when else "") + (f"timing_sense : {sense};" if sense else "")


def _input(pin: str, more: str = "") -> str:
    rise, fall = FF[pin], FF[pin] + 0.5
    caps = f"capacitance : {rise}; rise_capacitance : {rise}; fall_capacitance : {fall};"
    return f"pin ({pin}) {{ direction : input; {caps} {more} }}"


def _delays(cell: str) -> str:
    tables = ""
    for (kind, name), edge in itertools.product(((0, "cell_"), (3, "")), EDGES):
        text = [
            ", ".join(str(figure(cell, edge, kind, s, c)) for c in (0.0, 4.0)) for s in (0.0, 8.0)
        ]
        group = f"{name}{edge}" if name else f"{edge}_transition"
        tables += f'{group} (d) {{ values ("{text[0]}", "{text[1]}"); }} '
    return tables


def _setup() -> str:
    text = ""
    for edge, (base, slope) in SETUP.items():
        late = base + 8 * slope
        text += f'{edge}_constraint (s) {{ values ("{base}, {base + 3}, {late}, {late + 3}"); }} '
    return text


def library_cells() -> dict[str, Cell]:
    """The library's cells."""
    return cells_of(parse_liberty(liberty(), "linear.lib"))


@dataclass
class _Module:
    """A module being made up: bits are numbers, constants and inputs included in `known`."""

    random: Random
    known: list[Any]
    cells: dict[str, Any]
    clocks: list[int]
    last: int = 1

    def fresh(self) -> int:
        self.last += 1
        return self.last

    def put(self, kind: str, pins: Mapping[str, Any]) -> None:
        pins = {name: bits if isinstance(bits, list) else [bits] for name, bits in pins.items()}
        self.cells[f"u{len(self.cells)}"] = {"type": kind, "connections": pins}

    def grow(self, size: int) -> None:
        """Add cells at random, each fed by what is there."""
        for _ in range(size):
            kind = self.random.choice(["INV", "NAND", "MUX", "XOR", "AND", "FF", "GATE"])
            pick, clock = lambda: self.random.choice(self.known), self.random.choice(self.clocks)
            out = self.fresh()
            if kind == "GATE":
                self.put(kind, {"CK": clock, "E": pick(), "GCK": out})
                self.clocks.append(out)
                continue
            if kind == "FF":
                self.put(kind, {"CK": clock, "D": pick(), "Q": out})
            else:
                pins = {pin: pick() for pin in "ABS" if pin in LIBERTY[kind]}
                self.put(kind, {**pins, "Z": out})
            self.known.append(out)


def made_up(seed: int) -> dict[str, Any]:
    """A circuit of a top and two modules below it, as Yosys writes it; ports may be connected to
    each other or constant inside."""
    random = Random(seed)
    shapes: dict[str, Any] = {}
    for name in ("low", "mid", "top"):
        module = _Module(random, ["0", "1", "x"], {}, [])
        clk, wide = module.fresh(), [module.fresh() for _ in range(random.randint(1, 3))]
        module.clocks.append(clk)
        module.known += wide
        module.grow(random.randint(1, 6))
        for _ in range(random.randint(1, 3) if shapes else 0):
            below = random.choice(sorted(shapes))
            outs = [module.fresh() for _ in shapes[below]["ports"]["y"]["bits"]]
            ins = [random.choice(module.known) for _ in shapes[below]["ports"]["x"]["bits"]]
            module.put(below, {"clk": random.choice(module.clocks), "x": ins, "y": outs})
            module.known += outs
            module.grow(random.randint(0, 4))
        outs = [random.choice(module.known) for _ in range(random.randint(1, 4))]
        ports = {
            "clk": {"direction": "input", "bits": [clk]},
            "x": {"direction": "input", "bits": wide},
            "y": {"direction": "output", "bits": outs},
        }
        shapes[name] = {"ports": ports, "cells": module.cells, "netnames": {}}
    module.put("FF", {"CK": clk, "D": wide[0], "Q": module.fresh()})
    module.put("FF", {"CK": clk, "D": module.last, "Q": module.fresh()})
    return {"modules": shapes}


class Reference:
    """Timing of a made-up circuit."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.joined: dict[Any, Any] = {}
        self.cells: list[tuple[str, dict[str, Any]]] = []
        self.modules = document["modules"]
        self._flatten("top", ())
        pins = [(kind, {p: self._net(n) for p, n in ends.items()}) for kind, ends in self.cells]
        self.cells = pins
        outs = [self._net(((), bit)) for bit in self.modules["top"]["ports"]["y"]["bits"]]
        self.sinks: list[tuple[Any, float]] = [
            (net, FF[p]) for _, ends in pins for p, net in ends.items() if p in FF
        ]
        self.outputs = outs
        self.drivers: dict[Any, list[tuple[str, dict[str, Any]]]] = {}
        for kind, ends in pins:
            self.drivers.setdefault(ends.get("Z", ends.get("Q", ends.get("GCK"))), []).append(
                (kind, ends)
            )
        self.clock = self._net(((), self.modules["top"]["ports"]["clk"]["bits"][0]))
        self.slew = cache(self._slew)
        self.arrival = cache(self._arrival)
        self.value = cache(self._value)

    def _flatten(self, name: str, path: tuple[str, ...]) -> None:
        for instance, entry in self.modules[name]["cells"].items():
            ends = {
                (pin, k): bit if isinstance(bit, str) else (path, bit)
                for pin, bits in entry["connections"].items()
                for k, bit in enumerate(bits)
            }
            if entry["type"] not in self.modules:
                self.cells.append((entry["type"], {pin: net for (pin, _), net in ends.items()}))
                continue
            below = (*path, instance)
            for (pin, k), net in ends.items():
                bit = self.modules[entry["type"]]["ports"][pin]["bits"][k]
                self._join(net, bit if isinstance(bit, str) else (below, bit))
            self._flatten(entry["type"], below)

    def _net(self, net: Any) -> Any:
        while net in self.joined:
            net = self.joined[net]
        return net

    def _join(self, a: Any, b: Any) -> None:
        first, second = self._net(a), self._net(b)
        if isinstance(second, str):
            first, second = second, first
        if first != second:
            self.joined[second] = first

    def load(self, net: Any, edge: str) -> float:
        """In fF."""
        pins = sum(ff + 0.5 * (edge == "fall") for sink, ff in self.sinks if sink == net)
        return pins + WIRE_FF * self.fanout(net)

    def fanout(self, net: Any) -> int:
        """Pins that a net leads to, ports of the top among them."""
        return sum(sink == net for sink, _ in self.sinks) + self.outputs.count(net)

    def _value(self, net: Any) -> int | None:
        if isinstance(net, str):
            return None if net == "x" else int(net)
        for kind, ends in self.drivers.get(net, []):
            if kind in FUNCTIONS:
                values = {FUNCTIONS[kind](*row) for row in self._rows(ends)}
                return values.pop() if len(values) == 1 else None
        return None

    def _rows(self, ends: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """Values that the inputs can have together, as if those that aren't constant were independent."""
        values = [self.value(ends[pin]) for pin in "ABS" if pin in ends]
        return list(itertools.product(*[(0, 1) if v is None else (v,) for v in values]))

    def _clocked(self, net: Any) -> bool:
        return net == self.clock or any(
            kind == "GATE" and self._clocked(ends["CK"]) for kind, ends in self.drivers.get(net, [])
        )

    def _causes(self, net: Any, edge: str) -> list[tuple[str, Any, str]]:
        """(cell, input net, input edge) from which an edge can come."""
        found: list[tuple[str, Any, str]] = []
        for kind, ends in self.drivers.get(net, []):
            if kind == "FF":
                found.append((kind, ends["CK"], "rise"))
                continue
            if kind == "GATE":
                found.append((kind, ends["CK"], edge))
                continue
            rows = self._rows(ends)
            for k, pin in enumerate(p for p in "ABS" if p in ends):
                for row in rows:
                    other = (*row[:k], 1 - row[k], *row[k + 1 :])
                    change = FUNCTIONS[kind](*other) - FUNCTIONS[kind](*row)
                    if other in rows and change == (1 if edge == "rise" else -1):
                        cause = "rise" if other[k] else "fall"
                        inverts = kind == "XOR" and cause != edge
                        found.append((kind + "-" * inverts, ends[pin], cause))
        return found

    def _slew(self, net: Any, edge: str) -> float:
        if self._clocked(net) or self.value(net) is not None:
            return 0.0
        load = self.load(net, edge)
        causes = self._causes(net, edge)
        return max(
            (figure(c, edge, 3, self.slew(n, e), load) for c, n, e in causes if self.value(n) is None),
            default=0.0,
        )  # fmt: skip

    def _arrival(self, net: Any, edge: str) -> float:
        never = float("-inf")
        if self._clocked(net):
            return 0.0 if edge == "rise" else never
        if self.value(net) is not None:
            return never
        load = self.load(net, edge)
        return max(
            (
                self.arrival(n, e) + figure(c, edge, 0, self.slew(n, e), load)
                for c, n, e in self._causes(net, edge)
                if self.value(n) is None
            ),
            default=never,
        )

    def period(self) -> float:
        """The least period; minus infinity if nothing bounds it."""
        needs = []
        for kind, ends in self.cells:
            net = ends.get("D", ends.get("E"))
            if kind in ("FF", "GATE") and self._clocked(ends["CK"]) and self.value(net) is None:
                for edge in EDGES:
                    base, slope = SETUP[edge]
                    late = self.arrival(net, edge) + base + slope * self.slew(net, edge)
                    needs.append(late)
        return max(needs, default=float("-inf"))
