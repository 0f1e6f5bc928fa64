"""Sequences of integers, or of rows of them, as affine nests of counters that give them back exactly.

Runs of equal steps become counters; then runs of equal nests at equal distances become the next counters
further out, until nothing is alike any more. That is a greedy: it doesn't promise the fewest nests.
Where the order doesn't matter, nests that are alike are then brought together, and it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from lego.ir.engines import MOST_TRIPS

__all__ = ["Counter", "Integers", "Nest", "joined", "nests_of"]

Integers = NDArray[np.int64]
Steps = tuple[int, ...]
Counter = tuple[int, Steps]
"""Trips, and per column the step."""

_OFTEN = 6
"""How many times counters are only for the most frequent distance, in the second of two ways, which is
tried where the first found more than pairs."""

_MIX = 0x9E3779B1
"""Powers of it are what columns are multiplied by, so that sums of different rows differ, mostly."""


@dataclass(frozen=True, slots=True)
class Nest:
    """Rows `base + trip * step + ...` of a nest of counters, the outermost first.

    Attributes
    ----------
    base : the first row, a value per column.
    counters : trips, at least 2, and steps per column.
    """

    base: tuple[int, ...]
    counters: tuple[Counter, ...]

    @property
    def points(self) -> int:
        """How many rows it has."""
        return prod(trips for trips, _ in self.counters)

    def rows(self, moduli: Sequence[int] = ()) -> Integers:
        """(points, columns) the rows; columns with a modulus (0: none) are taken modulo it."""
        found = np.array([self.base], np.int64)
        for trips, steps in self.counters:
            moved = np.arange(trips)[:, None] * np.array(steps, np.int64)
            found = (found[:, None] + moved).reshape(-1, len(self.base))
        return _reduced(found, moduli)


def nests_of(
    values: Integers,
    most: int,
    *,
    moduli: Sequence[int] = (),
    fits: Callable[[tuple[Counter, ...]], bool] | None = None,
    ordered: bool = True,
) -> list[Nest]:
    """Nests of at most `most` counters of at most 4096 trips that have these values, in their order.

    Parameters
    ----------
    values : (n,) or (n, columns) values.
    moduli : per column, 0 or what its values are to be equal modulo.
    fits : what else counters, the outermost first, have to be like.
    ordered : whether the order matters.
    """
    rows = values[:, None] if values.ndim == 1 else values
    starts = _reduced(rows.astype(np.int64), moduli)
    shapes = _Shapes(lambda all_: len(all_) <= most and (fits is None or fits(all_)))
    best, kinds = _nested(starts, shapes, moduli, 0, ordered=ordered)
    if 1 < len(best) <= len(starts) // 4:
        other, its = _nested(starts, shapes, moduli, _OFTEN, ordered=ordered)
        best, kinds = (other, its) if len(other) < len(best) else (best, kinds)
    bases = map(tuple, best.tolist())
    return [Nest(base, shapes.of[kind]) for base, kind in zip(bases, kinds.tolist(), strict=True)]


def joined(
    counters: Sequence[Counter], columns: Sequence[int], moduli: Sequence[int], trips: int
) -> list[Counter]:
    """Counters of some columns only: where one goes on from where the next inner one ends, both are one of
    at most so many trips. `moduli` are those of the columns that are left."""
    found: list[Counter] = []
    for count, steps in reversed(counters):
        kept = tuple(steps[k] for k in columns)
        if found:
            inner, by = found[-1]
            apart = [inner * b - s for b, s in zip(by, kept, strict=True)]
            if inner * count <= trips and not any(
                rest % m if m else rest for rest, m in zip(apart, moduli, strict=True)
            ):
                found[-1] = (inner * count, by)
                continue
        found.append((count, kept))
    return found[::-1]


class _Shapes:
    """Counters of nests, each tuple of them with a number; 0 has none."""

    def __init__(self, fits: Callable[[tuple[Counter, ...]], bool]) -> None:
        self.of: list[tuple[Counter, ...]] = [()]
        self._fits = fits
        self._known: dict[tuple[int, int, Steps], int] = {}

    def around(self, kind: int, trips: int, steps: Steps) -> int:
        """The number of a shape with one more counter around it; -1 if that doesn't fit."""
        if trips == 1:
            return kind
        key = (kind, trips, steps)
        if key not in self._known:
            counters = ((trips, steps), *self.of[kind])
            self._known[key] = len(self.of) if self._fits(counters) else -1
            if self._known[key] >= 0:
                self.of.append(counters)
        return self._known[key]

    def pieces(self, kind: int, trips: int, steps: Steps) -> list[tuple[int, int]]:
        """So many of a shape at equal distances, as shapes that fit: each with how many it takes."""
        found = []
        for outer, inner in _chopped(trips):
            further = tuple(inner * step for step in steps)
            within = self.around(kind, inner, steps)
            whole = self.around(within, outer, further) if within >= 0 else -1
            if whole >= 0:
                found.append((whole, outer * inner))
            elif within >= 0:
                found += [(within, inner)] * outer
            else:
                found += [(kind, 1)] * (outer * inner)
        return found


def _chopped(trips: int) -> Iterator[tuple[int, int]]:
    """Trips of one counter as trips of two counters that have room for them."""
    if trips <= MOST_TRIPS:
        yield 1, trips
        return
    least = -(-trips // MOST_TRIPS)
    for outer in range(least, min(trips // least, MOST_TRIPS) + 1):
        if trips % outer == 0:
            yield outer, trips // outer
            return
    while trips >= MOST_TRIPS:
        outer = min(trips // MOST_TRIPS, MOST_TRIPS)
        yield outer, MOST_TRIPS
        trips -= outer * MOST_TRIPS
    if trips:
        yield 1, trips


def _reduced(rows: Integers, moduli: Sequence[int]) -> Integers:
    """Rows with the columns that have a modulus reduced."""
    if not any(moduli):
        return rows
    found = rows.copy()
    for k, modulus in enumerate(moduli):
        if modulus:
            found[:, k] %= modulus
    return found


def _nested(
    starts: Integers, shapes: _Shapes, moduli: Sequence[int], often: int, *, ordered: bool
) -> tuple[Integers, Integers]:
    """First rows and numbers of shapes of nests of these rows."""
    kinds = np.zeros(len(starts), np.int64)
    starts, kinds = _settled(starts, kinds, shapes, moduli, often)
    found = len(starts) + 1
    while not ordered and len(starts) < found:
        found = len(starts)
        together = np.lexsort((*starts.T[::-1], kinds))
        starts, kinds = _settled(starts[together], kinds[together], shapes, moduli, often)
    return starts, kinds


def _settled(
    starts: Integers, kinds: Integers, shapes: _Shapes, moduli: Sequence[int], often: int
) -> tuple[Integers, Integers]:
    """Items of a sequence with counters around them until none has one more; `often` times only where the
    distance is the most frequent."""
    while True:
        places, grown = _grown(starts, kinds, shapes, moduli, often)
        if len(places) == len(starts) and often <= 0:
            return starts, kinds
        starts, kinds = starts[places], np.array(grown, np.int64)
        often -= 1


def _grown(
    starts: Integers, kinds: Integers, shapes: _Shapes, moduli: Sequence[int], often: int
) -> tuple[list[int], list[int]]:
    """Items of a sequence, given by first rows and numbers of shapes, with one more counter around them:
    where each that is left begins, and the number of its shape. With `often`, only for one distance."""
    steps = _reduced(starts[1:] - starts[:-1], moduli)
    alike = kinds[1:] == kinds[:-1]
    if often > 0 and alike.any():
        alike &= _frequent(steps, alike)
    places, grown = [], []
    for at, trips in _runs(*_blocks(steps, alike), len(starts)):
        pieces = [(int(kinds[at]), 1)]
        if trips > 1:
            pieces = shapes.pieces(pieces[0][0], trips, tuple(steps[at].tolist()))
        for shape, count in pieces:
            places.append(at)
            grown.append(shape)
            at += count
    return places, grown


def _blocks(steps: Integers, alike: NDArray[np.bool_]) -> tuple[list[int], list[bool]]:
    """Blocks of equal steps between items: behind which item each ends, and whether its items are alike."""
    changes = np.ones(len(alike), bool)
    other = (steps[1:] != steps[:-1]).any(axis=1)
    changes[1:] = (alike[1:] != alike[:-1]) | (alike[1:] & other)
    firsts = np.flatnonzero(changes)
    ends = np.append(firsts[1:], len(alike))[: len(firsts)]
    return ends.tolist(), alike[firsts].tolist()


def _frequent(steps: Integers, alike: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the step is the most frequent of those between items that are alike."""
    weights = [pow(_MIX, k, 1 << 62) for k in range(steps.shape[1])]
    mixed = (steps * np.array(weights, np.int64)).sum(axis=1)
    _, firsts, counts = np.unique(mixed[alike], return_index=True, return_counts=True)
    first = np.flatnonzero(alike)[firsts[counts.argmax()]]
    return np.asarray((steps == steps[first]).all(axis=1))


def _runs(ends: Sequence[int], alike: Sequence[bool], count: int) -> list[tuple[int, int]]:
    """Runs of items at equal distances, (first, how many), that cover all `count` items.

    The distance behind a run belongs to none. A block of one distance before a longer one makes no run:
    what it would take away belongs to the longer one.
    """
    found = []
    at = 0
    for k, end in enumerate(ends):
        longer = k + 1 < len(ends) and alike[k + 1] and ends[k + 1] - end > 1
        if at < end and alike[k] and (end - at > 1 or not longer):
            found.append((at, end - at + 1))
            at = end + 1
        elif at < end:
            found += [(place, 1) for place in range(at, end)]
            at = end
    if at < count:
        found.append((at, 1))
    return found
