"""Many tables of a library, looked up at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lego.diag import LegoError
from lego.ppa.cells import Table

__all__ = ["Tables"]

FIRST = ("input_net_transition", "input_transition_time", "constrained_pin_transition")
SECOND = ("total_output_net_capacitance", "related_pin_transition")

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]


class Tables:
    """Tables of the same kind, each over the slew at the pin that switches (ps) and a second
    quantity: the output's load (fF), or the slew of the clock (ps) where the table is a constraint.

    Between points the figure is interpolated linearly in each quantity, outside it goes on as
    between the nearest two, as OpenSTA does. Raises E801 for tables over other quantities.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        grids = [_grid(table) for table in tables]
        wide = max((len(x) for x, _, _ in grids), default=2)
        deep = max((len(y) for _, y, _ in grids), default=2)
        self._x = np.full((len(grids), wide), np.inf)
        self._y = np.full((len(grids), deep), np.inf)
        self._values = np.zeros((len(grids), wide, deep))
        self._last = np.array([(len(x) - 2, len(y) - 2) for x, y, _ in grids]).reshape(-1, 2)
        for k, (x, y, values) in enumerate(grids):
            self._x[k, : len(x)] = x
            self._y[k, : len(y)] = y
            self._values[k, : len(x), : len(y)] = values

    def at(self, which: Ints, slew: Floats, second: Floats) -> Floats:
        """Figures of the tables `which`, each at its own point."""
        i, u = _segment(self._x, which, slew, self._last[:, 0])
        j, v = _segment(self._y, which, second, self._last[:, 1])
        low = self._values[which, i, j] * (1 - v) + self._values[which, i, j + 1] * v
        high = self._values[which, i + 1, j] * (1 - v) + self._values[which, i + 1, j + 1] * v
        return low * (1 - u) + high * u


def _segment(points: Floats, which: Ints, at: Floats, last: Ints) -> tuple[Ints, Floats]:
    """Number of the segment between points that counts, and how far on it `at` lies: 0 to 1 inside."""
    rows = points[which]
    k = np.clip((rows <= at[:, None]).sum(axis=1) - 1, 0, last[which])
    lanes = np.arange(len(which))
    begin = rows[lanes, k]
    return k, (at - begin) / (rows[lanes, k + 1] - begin)


def _grid(table: Table) -> tuple[Floats, Floats, Floats]:
    """Points of either quantity, at least two, and values; constant along a quantity that the table
    doesn't have."""
    order = [0 if axis in FIRST else 1 if axis in SECOND else 2 for axis in table.axes]
    if sorted(order) not in ([], [0], [1], [0, 1]):
        raise LegoError("E801", f"tables over {', '.join(table.axes)} aren't understood")
    points = {k: np.array(p) for k, p in zip(order, table.points, strict=True)}
    x, y = points.get(0, np.zeros(1)), points.get(1, np.zeros(1))
    values = np.array(table.values, dtype=float).reshape([len(p) for p in table.points] or [1])
    values = (values.T if order == [1, 0] else values).reshape(len(x), len(y))
    if len(x) == 1:
        x, values = np.append(x, x + 1), np.repeat(values, 2, axis=0)
    if len(y) == 1:
        y, values = np.append(y, y + 1), np.repeat(values, 2, axis=1)
    return x, y, values
