"""Timing arcs of a circuit, edge by edge: which edge of which net follows which, by which tables.

What follows from constants is left out, as OpenSTA does: a net that a constant fixes has no edges,
and an arc holds only where the constants at the other pins let it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lego.ppa.cells import Arc, Cell, Table
from lego.ppa.circuit import OPEN, Circuit, Instances
from lego.ppa.constants import UNKNOWN, constants, inputs_of, patterns, restricted
from lego.ppa.functions import sense_of
from lego.ppa.tables import Tables

__all__ = ["FALL", "RISE", "Arcs", "Checks", "arcs_of"]

RISE, FALL = 0, 1
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
        for rows, fixed in patterns(held, values):
            arcs += [_laid(held, w, rows, values, numbers, k) for w in _followed(held, fixed)]
            checks += [_laid(held, w, rows, values, numbers, k) for w in _checked(held, fixed)]
    tables = Tables(list(numbers))
    return (
        Arcs(tables, *_columns(arcs, len(_COLUMNS))),
        Checks(tables, *_columns(checks, 6)),
    )


def _laid(
    held: Instances,
    wire: _Wire,
    rows: Ints,
    values: NDArray[np.int8],
    numbers: dict[Table, int],
    cell: int,
) -> Ints:
    """Columns of an arc's occurrences in these rows: nodes, tables, whether it launches, cell, row, slot."""
    ends = held.nets[rows, wire.begin], held.nets[rows, wire.end]
    live = (values[ends[0]] == UNKNOWN) & (values[ends[1]] == UNKNOWN)
    live &= ends[1] != OPEN
    edges = (wire.begin_edge, wire.end_edge)
    nodes = [2 * net[live] + edge for net, edge in zip(ends, edges, strict=True)]
    ids = [numbers.setdefault(table, len(numbers)) for table in wire.tables]
    same = [np.full(live.sum(), value) for value in (*ids, *wire.launches, cell)]
    slots = np.full(live.sum(), wire.end)
    return np.array([*nodes, *same, rows[live], slots], dtype=np.int32)


def _columns(blocks: list[Ints], n: int) -> list[Ints]:
    return list(np.concatenate(blocks, axis=1)) if blocks else [np.zeros(0, np.int32)] * n


def _followed(held: Instances, fixed: Mapping[str, int]) -> Iterator[_Wire]:
    """Arcs of a cell to its outputs, where these pins are constant."""
    cell = held.cell
    latch = cell.holds == "latch" and not cell.gates  # it opens as a flip-flop clocks
    for end, (name, _) in enumerate(held.slots):
        for arc in cell.pins[name].arcs:
            launch = LAUNCHES.get(arc.kind)
            if launch is None and (latch or arc.kind not in FOLLOWS):
                continue
            sense = _sense(cell, name, arc, fixed)
            if not _possible(arc.when, cell, fixed) or (launch is None and sense is None):
                continue
            for edge in BOTH if launch is not None else FOLLOWS[arc.kind]:
                delay, slew = (
                    (arc.rise, arc.rise_slew) if edge == RISE else (arc.fall, arc.fall_slew)
                )
                if delay is None or slew is None:
                    continue
                begins = BEGINS[sense or ""][edge] if launch is None else (launch,)
                for begin, begin_edge in product(_slots(held, arc.related), begins):
                    launches = (int(launch is not None),)
                    yield _Wire(begin, end, begin_edge, edge, (delay, slew), launches)


def _slots(held: Instances, pin: str) -> list[int]:
    return [slot for slot, (name, _) in enumerate(held.slots) if name == pin]


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
                    for begin in _slots(held, arc.related):
                        yield _Wire(begin, end, clock, edge, (table,))


def _possible(when: str, cell: Cell, fixed: Mapping[str, int]) -> bool:
    return not when or not fixed or restricted(when, cell, fixed) != 0


def _sense(cell: Cell, output: str, arc: Arc, fixed: Mapping[str, int]) -> str | None:
    """How the output follows; None if constants hold it."""
    inputs, found = inputs_of(cell), None
    if (fixed or not arc.sense) and arc.related in inputs:
        table = restricted(cell.pins[output].function, cell, fixed)
        if table is not None:
            found = sense_of(table, inputs.index(arc.related), len(inputs))
    if found is None:
        return arc.sense or ("positive_unate" if cell.gates else "non_unate")
    if found == "non_unate" and arc.sense:
        return arc.sense
    return found or None
