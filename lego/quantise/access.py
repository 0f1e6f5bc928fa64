"""Constants and results of nests, seen from the loops of who reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lego.ir.affine import AffineMap

__all__ = ["Array", "Numbers", "composed", "leaves", "loops_behind", "moved", "window"]

Array = NDArray[np.float64]
Numbers = NDArray[np.float64] | NDArray[np.int64]


def leaves(access: AffineMap, extents: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether an iteration of the box meets something outside an array of this shape."""
    for row, start, size in zip(access.rows, access.offset, shape, strict=True):
        reach = [a * (n - 1) for a, n in zip(row, extents, strict=True)]
        if (
            start + sum(min(r, 0) for r in reach) < 0
            or start + sum(max(r, 0) for r in reach) >= size
        ):
            return True
    return False


def window(values: Numbers, access: AffineMap, extents: Sequence[int]) -> Array:
    """What an access meets in every iteration: an axis per loop, of one element where the loop
    doesn't move it."""
    if not access.rows:
        return np.asarray(values.reshape((1,) * len(extents)), dtype=np.float64)
    grid = np.ix_(*(np.arange(n) for n in extents)) if extents else ()
    at = []
    for row, start in zip(access.rows, access.offset, strict=True):
        index = np.full((1,) * len(extents), start)
        for a, i in zip(row, grid, strict=True):
            index = index + a * i if a else index
        at.append(index)
    return np.asarray(values[tuple(at)], dtype=np.float64)


def moved(values: Numbers) -> list[int]:
    """The loops along which an array with an axis per loop has more than an element."""
    return [k for k, n in enumerate(values.shape) if n > 1]


def composed(outer: AffineMap, inner: AffineMap, loops: int) -> AffineMap:
    """The map that applies the inner one, which is over so many loops, first."""
    rows = tuple(
        tuple(
            sum(a * row[k] for a, row in zip(each, inner.rows, strict=True)) for k in range(loops)
        )
        for each in outer.rows
    )
    return AffineMap(rows, outer(inner.offset))


def loops_behind(
    written: AffineMap, extents: Sequence[int], read: AffineMap, readers: Sequence[int]
) -> AffineMap | None:
    """The iteration of a writer that made the element that an iteration of a reader reads: a map
    from the reader's loops to the writer's.

    None where it isn't affine, as where a reader's loop runs across the place of two of the
    writer's loops in one dimension. The extents are those of both boxes; every element is written.
    """
    found: dict[int, tuple[tuple[int, ...], int]] = {}
    for out, row, start in zip(range(written.n_out), read.rows, read.offset, strict=True):
        split = _digits(written.rows[out], extents, row, start - written.offset[out], readers)
        if split is None or found.keys() & split.keys():
            return None
        found |= split
    zero = ((0,) * len(readers), 0)
    if any(k not in found and n > 1 for k, n in enumerate(extents)):
        return None
    each = [found.get(k, zero) for k in range(len(extents))]
    return AffineMap(tuple(row for row, _ in each), tuple(start for _, start in each))


def _digits(
    written: Sequence[int], extents: Sequence[int], row: Sequence[int], start: int, readers: Sequence[int]
) -> dict[int, tuple[tuple[int, ...], int]] | None:  # fmt: skip
    """Of one dimension: for each of the writer's loops its value as a row over the reader's loops
    and a number. Each of the reader's loops belongs to the coarsest of the writer's steps that
    divides its own."""
    steps = sorted(((c, k) for k, c in enumerate(written) if c and extents[k] > 1), reverse=True)
    if any(c < 0 for c, _ in steps):
        return None
    rows = {k: [0] * len(row) for _, k in steps}
    for j, (a, n) in enumerate(zip(row, readers, strict=True)):
        if not a or n == 1:
            continue
        owner = next(((c, k) for c, k in steps if a % c == 0), None)
        if owner is None:
            return None
        rows[owner[1]][j] = a // owner[0]
    found: dict[int, tuple[tuple[int, ...], int]] = {}
    for c, k in steps:
        first, start = divmod(start, c) if start >= 0 else (0, start)
        found[k] = (tuple(rows[k]), first)
        reach = [a * (n - 1) for a, n in zip(rows[k], readers, strict=True)]
        low, high = first + sum(min(r, 0) for r in reach), first + sum(max(r, 0) for r in reach)
        if low < 0 or high >= extents[k]:
            return None
    return found if not start else None
