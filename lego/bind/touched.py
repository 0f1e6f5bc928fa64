"""What a bound operation touches of an operand: indices of the chip, and the element at each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lego.bind.result import Bound
from lego.ir.array import Access

__all__ = ["reached"]

Array = NDArray[np.int64]


def reached(bound: Bound, access: Access, number: int) -> tuple[Array, Array]:
    """The indices of an operand that the chip touches, and the element at each; a row each.

    `number` is the operand's place: the inputs in the chip's order, then the output.
    """
    placed, given = bound.placements[number], bound.assignment
    time, space = (np.array(m, dtype=np.int64) for m in (placed.time, placed.space))
    strips = [*given.counters, *given.axes]
    columns = np.concatenate([time, space], axis=1)
    rows = np.array(access.map.rows, dtype=np.int64)
    used = [
        k
        for k, strip in enumerate(strips)
        if strip and (rows[:, strip.loop].any() or columns[:, k].any())
    ]
    counts = [strips[k].count for k in used]  # type: ignore[union-attr]
    grid = np.indices(counts, dtype=np.int64).reshape(len(used), math.prod(counts))
    values = np.zeros((len(strips), grid.shape[1]), dtype=np.int64)
    values[used] = grid
    points = np.zeros((len(bound.op.loops), grid.shape[1]), dtype=np.int64)
    for k, strip in enumerate(strips):
        if strip:
            points[strip.loop] += strip.factor * values[k]
    inside = (points < np.array(bound.op.extents)[:, None]).all(axis=0)
    index = columns @ values + np.array(placed.base)[:, None]
    element = rows @ points + np.array(access.map.offset)[:, None]
    return index[:, inside].T, element[:, inside].T
