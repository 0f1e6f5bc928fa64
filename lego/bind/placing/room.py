"""How many words of a bank an operand takes at least, whatever address steps and layout it is given.

In which bank an FU finds what it reads is wired: by its place, and by counters whose steps turn the banks.
So the elements that the FUs of one bank need, over all timestamps that bring them there, are a lower bound
of its words. Any part of the timestamps gives one, too: what would take long to count is left out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lego.bind.site import Port
from lego.ir.adg import InputPlan
from lego.ir.affine import AffineMap
from lego.ir.banking import Banking

__all__ = ["Move", "Need", "Room", "elements"]

Array = NDArray[np.int64]
Vector = tuple[int, ...]
MOST_SUMS = 4096
"""Elements that are counted one by one, at most."""
MOST_NUMBER = 1 << 62
LONG = 4
"""Rounds of the banks that are gone through trip by trip, at most, if the last one isn't whole."""


@dataclass(frozen=True, slots=True)
class Move:
    """What a counter does: `step` of the element, in so many `trips`; it turns the banks by `turn` per
    dimension, as it is wired."""

    step: Vector
    trips: int
    turn: Vector = ()


@dataclass(frozen=True, slots=True)
class Need:
    """What an operand is read for, or written.

    Attributes
    ----------
    axes : element per step along each axis, None where one FU of it is used.
    covers : FUs per axis.
    moves : what counters do.
    ragged : (axis, values, turn): the last trip of a counter, which moves by all FUs of the axis, has fewer.
    """

    axes: tuple[Vector | None, ...]
    covers: Vector
    moves: tuple[Move, ...]
    ragged: tuple[tuple[int, int, Vector], ...] = ()


@dataclass(frozen=True)
class Room:
    """The least words of an operand's bank; what was found is kept."""

    port: Port
    _known: dict[Need, int] = field(default_factory=dict)
    _groups: dict[object, frozenset[Vector]] = field(default_factory=dict)

    def least(self, need: Need) -> int:
        """Words of the fullest bank, at least; 0 where it isn't known: comparators make pads."""
        if self.port.compared:
            return 0
        if need not in self._known:
            every = itertools.product(*(_last(need, *each) for each in need.ragged))
            self._known[need] = max(self._filled(need, chosen) for chosen in every)
        return self._known[need]

    def _filled(self, need: Need, ragged: Sequence[tuple[int, int, Move]]) -> int:
        covers = list(need.covers)
        for axis, cover, _ in ragged:
            covers[axis] = cover
        still, turning = list[tuple[Vector, int]](), list[Move]()
        for move in (*need.moves, *(move for _, _, move in ragged)):
            if not any(move.turn):
                still.append((move.step, move.trips))
                continue
            period = _period(self.port, move.turn)
            if move.trips <= LONG * period and move.trips % period:
                period = move.trips
            turning.append(Move(move.step, min(move.trips, period), move.turn))
            if move.trips > period:
                still.append((tuple(period * x for x in move.step), move.trips // period))
        key = need.axes, tuple(covers), tuple(turning)
        if key not in self._groups:
            self._groups[key] = _fullest(self.port, need.axes, covers, turning)
        return _union(self._groups[key], _rows(still))


def _last(need: Need, axis: int, values: int, turn: Vector) -> list[tuple[int, int, Move]]:
    """Ways to leave out what a ragged loop doesn't have: its last trip, or FUs beyond its end."""
    cover = need.covers[axis]
    step = tuple(cover * x for x in need.axes[axis] or ())
    whole, rest = divmod(values, cover)
    return [(axis, cover, Move(step, whole, turn)), (axis, rest, Move(step, whole + 1, turn))]


def _period(port: Port, turn: Vector) -> int:
    """Trips after which a counter is back at the same bank."""
    return math.lcm(*(m // math.gcd(a, m) for a, m in zip(turn, port.moduli, strict=True) if a))


def _fullest(
    port: Port,
    axes: Sequence[Vector | None],
    covers: Sequence[int],
    turning: Sequence[Move],
) -> frozenset[Vector]:
    """Elements that are read of the bank with the most, while counters that don't turn it stand still."""
    rank = max((len(step) for step in (*axes, *(m.step for m in turning)) if step), default=0)
    indices, values = _places(port, axes, covers, rank)
    for move in turning:
        indices = _spread(indices, move.turn, move.trips)
        values = _spread(values, move.step, move.trips)
    if not len(indices):
        return frozenset()
    least = values.min(axis=0)
    sides = tuple(int(x) + 1 for x in values.max(axis=0) - least)
    size = math.prod(sides)
    if size * port.plan.banking.n_banks > MOST_NUMBER:
        return frozenset({(0,) * rank})
    numbers = np.zeros(len(values), dtype=np.int64)
    for i, side in enumerate(sides):
        numbers = numbers * side + values[:, i] - least[i]
    found = np.unique(_bank(port.plan.banking, indices) * size + numbers)
    banks = found // size
    best = found[banks == np.bincount(banks).argmax()] % size
    columns = np.unravel_index(best, sides) if rank else ()
    return frozenset(zip(*(column.tolist() for column in columns), strict=True)) or frozenset({()})


def _spread(rows: Array, step: Vector, count: int) -> Array:
    """Every row, moved by so many multiples of a step."""
    moves = np.arange(count, dtype=np.int64)[:, None] * np.array(step, dtype=np.int64)
    return (rows[:, None, :] + moves).reshape(len(rows) * count, rows.shape[1])


def _bank(banking: Banking, indices: Array) -> Array:
    """The number of the bank of each index."""
    number = np.zeros(len(indices), dtype=np.int64)
    for j, count in enumerate(banking.counts):
        if count > 1:
            own = indices[:, j] + banking.shift * (j == banking.along)
            digit = own // banking.gcds[j] + indices @ np.array(banking.skews[j])
            number = number * count + digit % count
    return number


def _places(
    port: Port, axes: Sequence[Vector | None], covers: Sequence[int], rank: int
) -> tuple[Array, Array]:
    """Index and element at timestamp zero of each FU in use that always reads for itself; one of those that
    read the same."""
    plan = port.plan
    indices = np.array([plan.offset], dtype=np.int64)
    elements = np.zeros((1, rank), dtype=np.int64)
    fus: list[Vector] = [()]
    for axis, (step, n) in enumerate(zip(axes, covers, strict=True)):
        column = tuple(row[axis] for row in plan.space)
        used = n if step is not None and (any(step) or any(column)) else 1
        indices = _spread(indices, column, used)
        elements = _spread(elements, step or (0,) * rank, used)
        fus = [(*fu, x) for fu in fus for x in range(used)]
    if not (isinstance(plan, InputPlan) and plan.delays):
        return indices, elements
    own = [k for k, fu in enumerate(fus) if not _is_served(port, fu)]
    return indices[own], elements[own]


def _is_served(port: Port, fu: Vector) -> bool:
    """Whether delay reuses bring an FU what it reads, at some timestamps."""
    number = 0
    for x, n in zip(fu, port.sizes, strict=True):
        number = number * n + x
    return bool(port.served[port.nodes[number]])


def elements(access: AffineMap, extents: Sequence[int]) -> int:
    """Elements that loops of these extents reach, at least."""
    columns = zip(*access.rows, strict=True) if access.rows else [()] * len(extents)
    return math.prod(map(_distinct, _rows(list(zip(columns, extents, strict=True)))))


def _rows(still: Sequence[tuple[Vector, int]]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Per dimension of the element, steps and trips of what moves it and nothing else."""
    rank = len(still[0][0]) if still else 0
    found: list[list[tuple[int, int]]] = [[] for _ in range(rank)]
    for step, trips in still:
        moved = [i for i, x in enumerate(step) if x]
        if len(moved) == 1 and trips > 1:
            found[moved[0]].append((abs(step[moved[0]]), trips))
    return tuple(tuple(sorted(each)) for each in found)


def _union(group: frozenset[Vector], rows: Sequence[tuple[tuple[int, int], ...]]) -> int:
    """Elements of a product of sums, one per row, moved to each place of a group; or fewer."""
    counts = [_distinct(row) for row in rows]
    if len(group) == 1 or not rows:
        return math.prod(counts) if len(group) == 1 else len(group)
    columns = list(zip(*group, strict=True))
    apart = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    others = math.prod(n for i, n in enumerate(counts) if i not in apart)
    one = math.prod(counts[i] for i in apart)
    if one == 1:
        return others * len(group)
    if one * len(group) > MOST_SUMS:
        units = [math.gcd(*(step for step, _ in rows[i])) for i in apart]
        rests = {
            tuple(p[i] % u if u else p[i] for i, u in zip(apart, units, strict=True)) for p in group
        }
        return others * max(one * len(rests), len(group))
    return others * _moved_about(group, apart, [rows[i] for i in apart])


def _moved_about(
    group: frozenset[Vector], apart: Sequence[int], rows: Sequence[tuple[tuple[int, int], ...]]
) -> int:
    if len(apart) == 1:
        sums, (i,) = _sums(rows[0]), apart
        return len({place[i] + x for place in group for x in sums})
    values = [_sums(row) for row in rows]
    found = set()
    for place in group:
        found |= set(
            itertools.product(
                *([place[i] + x for x in v] for i, v in zip(apart, values, strict=True))
            )
        )
    return len(found)


@lru_cache(maxsize=1 << 12)
def _sums(row: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Values of a sum of steps."""
    found = {0}
    for step, trips in row:
        found = {a + step * x for a in found for x in range(trips)}
    return tuple(sorted(found))


@lru_cache(maxsize=1 << 12)
def _distinct(row: tuple[tuple[int, int], ...]) -> int:
    """How many values a sum of steps has, at least; exactly where each step is at most what the smaller ones
    reach, or beyond that."""
    if math.prod(n for _, n in row) <= MOST_SUMS:
        return len(_sums(row))
    count, unit = 1, row[0][0] if row else 1
    for step, trips in row:
        if step % unit == 0 and step // unit <= count:
            count += step // unit * (trips - 1)
        elif step > unit * (count - 1):
            return count * trips
        else:
            return count
    return count
