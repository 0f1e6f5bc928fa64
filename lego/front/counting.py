"""How many pairs of a timestamp and a place obey linear inequalities, or how that follows from symbols.

Counters and axes that no inequality joins are counted apart, and multiplied. A digit of a loop in time and
one in space, with the loop's bound, count as the loop. Other inequalities of one counter cut its trips. What
is left is a sum over the other counters and axes: of numbers isl counts it, of symbols it stays a sum.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Generic

from lego.ir.closed import Number, maximum, minimum, select, summed, symbol, symbolic
from lego.ir.domain import Inequality, cut, points

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["Test", "count"]

FEW = 4
"""Terms that are written out; more are a sum."""


@dataclass(frozen=True, slots=True)
class Test(Generic[Number]):
    """``time . t + space . s < limit``."""

    time: tuple[int, ...]
    space: tuple[int, ...]
    limit: Number

    def at(self, place: Sequence[Number]) -> Number | int:
        """The part of the left side that is a place's."""
        return sum(a * s for a, s in zip(self.space, place, strict=True) if a)


@dataclass(frozen=True, slots=True)
class _Group(Generic[Number]):
    """Tests of the same counters and axes, the trips of these counters, and the places on these axes."""

    tests: tuple[Test[Number], ...]
    trips: tuple[Number, ...]
    places: tuple[tuple[int, ...], ...]


def count(
    tests: Sequence[Test[Number]], trips: Sequence[Number], places: Sequence[tuple[int, ...]]
) -> Number | int:
    """Pairs of a timestamp of these trips and one of the places, all different, at which all tests hold.

    The tests may have more counters than there are trips: they don't depend on these.
    """
    return math.prod(map(_counted, _groups(tests, trips, places)))


def _groups(
    tests: Sequence[Test[Number]], trips: Sequence[Number], places: Sequence[tuple[int, ...]]
) -> Iterator[_Group[Number]]:
    """Groups that share nothing: together they count the product."""
    here: range = range(len(trips))
    axes: range = range(len(places[0]))
    named: list[set[int]] = [
        {k for k in here if test.time[k]} | {len(trips) + a for a in axes if test.space[a]}
        for test in tests
    ]
    apart: bool = math.prod(len({place[a] for place in places}) for a in axes) == len(places)
    joint = [*named, *([] if apart else [{len(trips) + a for a in axes}])]
    for part in _parts(len(trips) + len(axes), joint):
        mine = [k for k in here if k in part], [a for a in axes if len(trips) + a in part]
        yield _Group(
            tuple(
                Test(tuple(x.time[k] for k in mine[0]), tuple(x.space[a] for a in mine[1]), x.limit)
                for x, names in zip(tests, named, strict=True)
                if names & part
            ),
            tuple(trips[k] for k in mine[0]),
            tuple(dict.fromkeys(tuple(place[a] for a in mine[1]) for place in places)),
        )
    alone = tuple(Test((), (), x.limit) for x, names in zip(tests, named, strict=True) if not names)
    yield _Group(alone, (), ((),))


def _parts(size: int, joint: Sequence[set[int]]) -> list[set[int]]:
    """Numbers below `size`, in the least sets so that each of `joint` lies in one of them."""
    parts = [{k} for k in range(size)]
    for names in joint:
        met = [part for part in parts if part & names]
        parts = [part for part in parts if not part & names]
        parts += [set().union(*met)] if met else []
    return sorted(parts, key=min)


def _counted(group: _Group[Number]) -> Number | int:
    if not group.tests:
        return math.prod(group.trips) * len(group.places)
    if _is_loop(group):
        return maximum(0, minimum(group.tests[0].limit, len(group.places) * math.prod(group.trips)))
    found = Counter(tuple(test.at(place) for test in group.tests) for place in group.places)
    if len(found) > FEW and symbolic(*group.trips, *(test.limit for test in group.tests)):
        return _over_places(group, found)
    return sum(times * _held(group, each) for each, times in found.items())


Parts = tuple[int, ...]
"""What a place's part of each test's left side is."""


def _over_places(group: _Group[Number], found: Mapping[Parts, int]) -> Number:
    """A sum over places on a line, or in a box; all terms if they are neither."""
    line, times = sorted(found), set(found.values())
    steps = {tuple(b - a for a, b in zip(*pair, strict=True)) for pair in pairwise(line)}
    if len(steps) == len(times) == 1:
        (step,), k = steps, symbol("_s0", least=0)
        parts = tuple(first + k * d for first, d in zip(line[0], step, strict=True))
        return min(times) * summed(_held(group, parts), [(k, len(line))])
    sides = [max(side) + 1 for side in zip(*group.places, strict=True)]
    if set(group.places) == set(product(*map(range, sides))):
        place = [symbol(f"_s{a}", least=0) for a in range(len(sides))]
        within = _held(group, tuple(test.at(place) for test in group.tests))
        return summed(within, list(zip(place, sides, strict=True)))
    return sum(times * _held(group, each) for each, times in found.items())


def _is_loop(group: _Group[Number]) -> bool:
    """Whether the place is the lower digit of a number, the counter the higher, and the test bounds it."""
    (test, *more), size = group.tests, len(group.places)
    counters = ((size,), ()) if size > 1 else ((size,),)
    places = tuple((k,) for k in range(size))
    return not more and test.space == (1,) and test.time in counters and group.places == places


def _held(group: _Group[Number], parts: Sequence[Number]) -> Number | int:
    """Timestamps at which all tests hold, where places have these parts of their left sides."""
    rows = [test.time for test in group.tests]
    limits = [test.limit - part for test, part in zip(group.tests, parts, strict=True)]
    if symbolic(*group.trips, *limits):
        return _formula(rows, limits, group.trips)
    if any(limit <= 0 for row, limit in zip(rows, limits, strict=True) if not any(row)):
        return 0
    within = [Inequality(row, limit) for row, limit in zip(rows, limits, strict=True) if any(row)]
    return points(group.trips, within)


def _formula(
    rows: Sequence[tuple[int, ...]], limits: Sequence[Expr], trips: Sequence[Expr]
) -> Expr:
    """The same as a sum over all counters but one, whose trips the tests cut."""
    first = next((k for row in rows for k, a in enumerate(row) if a), 0)
    others = {k: symbol(f"_t{k}", least=0) for k in range(len(trips)) if k != first}
    side = (0, trips[first]) if trips else (0, 1)
    conditions = 1
    for row, limit in zip(rows, limits, strict=True):
        left = limit - sum(row[k] * other for k, other in others.items())
        if trips and row[first]:
            side = cut(side, row[first], left)
        else:
            conditions *= select(left > 0, 1, 0)
    ranges = [(other, trips[k]) for k, other in others.items()]
    return summed(conditions * maximum(0, side[1] - side[0]), ranges)
