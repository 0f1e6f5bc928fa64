"""Timing arcs of a circuit, edge by edge: which edge of which net follows which, by which tables.

What follows from constants is left out, as OpenSTA does: a net that a constant fixes has no edges, and an arc holds only where the
constants at the other pins let it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lego.ppa.cells import Arc, Cell, Table
from lego.ppa.circuit import HIGH, LOW, OPEN, Circuit, Instances
from lego.ppa.functions import MOST_INPUTS, cofactor, sense_of, truth_table
from lego.ppa.tables import Tables

__all__ = ["FALL", "RISE", "Arcs", "Checks", "arcs_of"]

RISE, FALL = 0, 1
UNKNOWN = 2
BOTH = (RISE, FALL)
LAUNCHES = {"rising_edge": RISE, "falling_edge": FALL}
FOLLOWS = {
    f"{kind}{suffix}": edges
    for kind in ("combinational", "three_state_enable")
    for suffix, edges in (("", BOTH), ("_rise", (RISE,)), ("_fall", (FALL,)))
}
CHECKED = {
    f"{kind}_{edge}ing": number
    for kind in ("setup", "recovery", "non_seq_setup")
    for edge, number in (("ris", RISE), ("fall", FALL))
}
"""Clock edge of each kind of constraint that bounds the period from below."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Arcs:
    """Arcs; parallel arrays. A node is an edge of a net: ``2 * net + edge``.

    Attributes
    ----------
    source, target : nodes.
    delay, slew : which of `tables` gives the delay and the target's slew.
    launches : 1 if the source clocks what holds the target's value, 0 if the target follows it.
    cell, row, slot : the instance, by the number of its cell in the circuit, and its pin at the target.
    """

    tables: Tables
    source: Ints
    target: Ints
    delay: Ints
    slew: Ints
    launches: Ints
    cell: Ints
    row: Ints
    slot: Ints

    def where(self, mask: NDArray[np.bool_] | NDArray[np.integer]) -> Arcs:
        """Some of the arcs."""
        columns = {name: getattr(self, name)[mask] for name in _COLUMNS}
        return replace(self, **columns)


@dataclass(frozen=True, slots=True)
class Checks:
    """What must be stable before an edge of a clock; parallel arrays, otherwise as `Arcs`."""

    tables: Tables
    clock: Ints
    data: Ints
    table: Ints
    cell: Ints
    row: Ints
    slot: Ints


_COLUMNS = ("source", "target", "delay", "slew", "launches", "cell", "row", "slot")


class _Wire(NamedTuple):
    """An arc of a cell, with one edge at either end."""

    begin: int
    end: int
    begin_edge: int
    end_edge: int
    tables: tuple[Table, ...]
    launches: tuple[int, ...] = ()


def arcs_of(circuit: Circuit) -> tuple[Arcs, Checks]:
    """All arcs that launch, and that follow, and the checks."""
    values = constants(circuit)
    numbers: dict[Table, int] = {}
    arcs: list[Ints] = []
    checks: list[Ints] = []
    for k, held in enumerate(circuit.instances.values()):
        for rows, fixed in _patterns(held, values):
            for wires, found in ((_followed(held, fixed), arcs), (_checked(held, fixed), checks)):
                for wire in wires:
                    ends = held.nets[rows, wire.begin], held.nets[rows, wire.end]
                    live = (values[ends[0]] == UNKNOWN) & (values[ends[1]] == UNKNOWN)
                    live &= (ends[0] != OPEN) & (ends[1] != OPEN)
                    edges = (wire.begin_edge, wire.end_edge)
                    nodes = [2 * net[live] + e for net, e in zip(ends, edges, strict=True)]
                    ids = [numbers.setdefault(table, len(numbers)) for table in wire.tables]
                    same = (*ids, *wire.launches, k)
                    found.append(_block(nodes, same, rows[live], wire.end))
    tables = Tables(list(numbers))
    return (
        Arcs(tables, *_columns(arcs, len(_COLUMNS))),
        Checks(tables, *_columns(checks, 6)),
    )


def _block(nodes: list[Ints], same: tuple[int, ...], rows: Ints, slot: int) -> Ints:
    """Columns of equally many arcs: nodes, what all have the same, rows, slot."""
    wide = [np.full(len(rows), value, dtype=np.int32) for value in (*same, slot)]
    return np.array([*nodes, *wide[:-1], rows, wide[-1]], dtype=np.int32)


def _columns(blocks: list[Ints], n: int) -> list[Ints]:
    return list(np.concatenate(blocks, axis=1)) if blocks else [np.zeros(0, np.int32)] * n


def _followed(held: Instances, fixed: Mapping[str, int]) -> Iterator[_Wire]:
    """Arcs of a cell to its outputs, where these pins are constant."""
    cell = held.cell
    latch = (
        cell.holds == "latch" and not cell.gates
    )  # no time is borrowed: a latch opens as a flip-flop clocks
    for end, (name, _) in enumerate(held.slots):
        for arc in cell.pins[name].arcs:
            launch = LAUNCHES.get(arc.kind)
            edges = BOTH if launch is not None else FOLLOWS.get(arc.kind, ())
            if not edges or (latch and launch is None):
                continue
            sense = "" if launch is not None else _sense(cell, name, arc, fixed)
            if sense is None or not _possible(arc.when, cell, fixed):
                continue
            for edge in edges:
                tables = (arc.rise, arc.rise_slew) if edge == RISE else (arc.fall, arc.fall_slew)
                begins = BEGINS[sense][edge] if launch is None else (launch,)
                if tables[0] is None or tables[1] is None:
                    continue
                for begin in (s for s, (pin, _) in enumerate(held.slots) if pin == arc.related):
                    for begin_edge in begins:
                        found = (tables[0], tables[1])
                        yield _Wire(begin, end, begin_edge, edge, found, (int(launch is not None),))


BEGINS = {
    "positive_unate": ((RISE,), (FALL,)),
    "negative_unate": ((FALL,), (RISE,)),
    "non_unate": (BOTH, BOTH),
}
"""Edges of the input from which a rising, and a falling, edge of the output can come."""


def _checked(held: Instances, fixed: Mapping[str, int]) -> Iterator[_Wire]:
    """Checks of a cell: from the clock pin to the constrained one."""
    for end, (name, _) in enumerate(held.slots):
        for arc in held.cell.pins[name].arcs:
            clock = CHECKED.get(arc.kind)
            if clock is None or not _possible(arc.when, held.cell, fixed):
                continue
            for edge, table in ((RISE, arc.rise), (FALL, arc.fall)):
                if table is not None:
                    for begin in (s for s, (pin, _) in enumerate(held.slots) if pin == arc.related):
                        yield _Wire(begin, end, clock, edge, (table,))


def _inputs(cell: Cell) -> tuple[str, ...]:
    """Inputs that functions are over; none for cells that are too large for a table."""
    names = tuple(p.name for p in cell.pins.values() if p.direction == "input")
    return names if len(names) <= MOST_INPUTS else ()


def _restricted(text: str, cell: Cell, fixed: Mapping[str, int]) -> int | None:
    """Table of a function where some inputs are constant; None if it isn't one of the inputs."""
    inputs = _inputs(cell)
    table = truth_table(text, inputs)
    for k, name in enumerate(inputs):
        if table is not None and name in fixed:
            table = cofactor(table, k, fixed[name], len(inputs))
    return table


def _possible(when: str, cell: Cell, fixed: Mapping[str, int]) -> bool:
    return not when or not fixed or _restricted(when, cell, fixed) != 0


def _sense(cell: Cell, output: str, arc: Arc, fixed: Mapping[str, int]) -> str | None:
    """How the output follows; None if constants hold it."""
    inputs, found = _inputs(cell), None
    if (fixed or not arc.sense) and arc.related in inputs:
        table = _restricted(cell.pins[output].function, cell, fixed)
        if table is not None:
            found = sense_of(table, inputs.index(arc.related), len(inputs))
    if found is None:
        return arc.sense or ("positive_unate" if cell.gates else "non_unate")
    if found == "non_unate" and arc.sense:
        return arc.sense
    return found or None


def _patterns(
    held: Instances, values: NDArray[np.int8]
) -> Iterator[tuple[Ints, Mapping[str, int]]]:
    """Rows whose inputs have the same constants, and these by pin."""
    inputs = _inputs(held.cell)
    slots = [s for s, (pin, _) in enumerate(held.slots) if pin in inputs]
    if len(slots) > len(inputs) or not slots:
        yield np.arange(len(held.nets), dtype=np.int32), {}
        return
    seen = values[held.nets[:, slots]]
    codes = seen @ (3 ** np.arange(len(slots)))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code).astype(np.int32)
        pins = [held.slots[s][0] for s in slots]
        first = seen[rows[0]].tolist()
        yield rows, {pin: v for pin, v in zip(pins, first, strict=True) if v != UNKNOWN}


def constants(circuit: Circuit) -> NDArray[np.int8]:
    """Per net 0 or 1 if it is constant, else 2: constants, and what functions of cells make of them."""
    values = np.full(circuit.n_nets, UNKNOWN, dtype=np.int8)
    values[[LOW, HIGH]] = 0, 1
    cells = [held for held in circuit.instances.values() if not held.cell.holds]
    while True:
        before = values.copy()
        for held in cells:
            for rows, fixed in _patterns(held, values):
                if fixed:
                    _fix(held, rows, fixed, values)
        if (values == before).all():
            return values


def _fix(held: Instances, rows: Ints, fixed: Mapping[str, int], values: NDArray[np.int8]) -> None:
    """Set what a cell's outputs are, if its constant inputs decide."""
    every = (1 << (1 << len(_inputs(held.cell)))) - 1
    for slot, (name, _) in enumerate(held.slots):
        pin = held.cell.pins[name]
        if pin.direction == "output" and not pin.three_state:
            table = _restricted(pin.function, held.cell, fixed)
            nets = held.nets[rows, slot]
            if table in (0, every):
                values[nets[nets != OPEN]] = 0 if table == 0 else 1
