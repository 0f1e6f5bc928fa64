"""Nets that a constant fixes, and what the functions of cells become where inputs are constant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from lego.ppa.cells import Cell
from lego.ppa.circuit import HIGH, LOW, OPEN, Circuit, Instances
from lego.ppa.functions import MOST_INPUTS, assignments, cofactor, truth_table

__all__ = ["UNKNOWN", "constants", "inputs_of", "patterns", "restricted"]

UNKNOWN = 2
"""Value of a net that isn't constant."""

Ints = NDArray[np.int32]


def constants(circuit: Circuit) -> NDArray[np.int8]:
    """Per net 0 or 1 if it is constant, else 2: constants, and what functions of cells make of them."""
    values = np.full(circuit.n_nets, UNKNOWN, dtype=np.int8)
    values[[LOW, HIGH]] = 0, 1
    cells = [held for held in circuit.instances.values() if not held.cell.holds]
    while True:
        before = values.copy()
        for held in cells:
            for rows, fixed in patterns(held, values):
                if fixed:
                    _fix(held, rows, fixed, values)
        if (values == before).all():
            return values


def _fix(held: Instances, rows: Ints, fixed: Mapping[str, int], values: NDArray[np.int8]) -> None:
    """Set what a cell's outputs are, if its constant inputs decide."""
    every = assignments(inputs_of(held.cell))
    for slot, (name, _) in enumerate(held.slots):
        pin = held.cell.pins[name]
        if pin.direction == "output" and not pin.three_state:
            table = restricted(pin.function, held.cell, fixed)
            nets = held.nets[rows, slot]
            if table in (0, every):
                values[nets[nets != OPEN]] = 0 if table == 0 else 1


def patterns(held: Instances, values: NDArray[np.int8]) -> Iterator[tuple[Ints, Mapping[str, int]]]:
    """Rows whose inputs have the same constants, and these by pin."""
    inputs = inputs_of(held.cell)
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


def inputs_of(cell: Cell) -> tuple[str, ...]:
    """Inputs that functions are over; none for cells that are too large for a table."""
    names = tuple(p.name for p in cell.pins.values() if p.direction == "input")
    return names if len(names) <= MOST_INPUTS else ()


def restricted(text: str, cell: Cell, fixed: Mapping[str, int]) -> int | None:
    """Table of a function where some inputs are constant; None if it isn't one of the inputs."""
    inputs = inputs_of(cell)
    table = truth_table(text, inputs)
    for k, name in enumerate(inputs):
        if table is not None and name in fixed:
            table = cofactor(table, k, fixed[name], len(inputs))
    return table
