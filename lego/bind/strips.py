"""How an operation's loops can be spread over axes and counters: strips of them, best ones first."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from lego.bind.site import Site
from lego.ir.adg import InputPlan

__all__ = [
    "Allowed",
    "Assignment",
    "Spread",
    "Strip",
    "Table",
    "counters_of",
    "divisors",
    "fastest",
    "spreads",
]


Allowed = Callable[[int, "Strip"], bool]
"""Whether a counter may have a strip."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A part of a loop: its index is the sum over its strips of `factor` times the strip's value.

    Attributes
    ----------
    count : values; along an axis, FUs in use.
    ragged : values of the axis and a counter together, of which the last trip may have fewer; 0 for all.
    counter : the one whose last trip that is.
    """

    loop: int
    factor: int
    count: int
    ragged: int = 0
    counter: int = -1


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which strip each axis and each counter has; None: one FU, or one trip.

    `bounds` are those of loops on axes, 0 where no register holds one.
    """

    order: tuple[int, ...]
    axes: tuple[Strip | None, ...]
    counters: tuple[Strip | None, ...]
    bounds: tuple[int, ...]

    @property
    def trips(self) -> tuple[int, ...]:
        """Of the counters."""
        return tuple(strip.count if strip else 1 for strip in self.counters)


@dataclass(frozen=True, slots=True)
class Table:
    """What may go where under one order of the inputs: loops by axis and by counter.

    Attributes
    ----------
    axes, counters : reasons against a loop, by axis or counter and loop; empty: it may go there.
    inner : by loop, whether it is tried on inner counters first: sums are held over these.
    """

    order: tuple[int, ...]
    axes: tuple[tuple[str, ...], ...]
    counters: tuple[tuple[str, ...], ...]
    inner: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """Strips along the axes, and what is left of each loop for counters, with the iterations per step."""

    table: Table
    extents: tuple[int, ...]
    axes: tuple[Strip | None, ...]
    left: tuple[int, ...]
    factors: tuple[int, ...]

    @property
    def timestamps(self) -> int:
        """Timestamps that it takes."""
        passes = (-(-s.ragged // s.count) for s in self.axes if s and s.ragged)
        return math.prod(self.left) * math.prod(passes)


@lru_cache(maxsize=1 << 12)
def divisors(number: int) -> tuple[int, ...]:
    """All of them, the largest first."""
    low = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return tuple(sorted({*low, *(number // d for d in low)}, reverse=True))


def spreads(
    site: Site,
    table: Table,
    extents: Sequence[int],
    *,
    masks: bool,
    along: Sequence[int] | None = None,
) -> Iterator[Spread]:
    """Every way to give axes strips of loops; of those `along` them only, if that is given (-1: none)."""
    options = [
        [
            None,
            *(
                s
                for i, n in enumerate(extents)
                if along is None or along[axis] == i
                for s in _strips(site, table, axis, i, n, masks=masks)
            ),
        ]
        for axis in range(len(site.axes))
    ]
    for axes in itertools.product(*options):
        low = _spread(table, axes, extents)
        if low is not None:
            yield low
            if any(port.plan.delays for port in site.inputs if isinstance(port.plan, InputPlan)):
                yield from _raised(low)


def fastest(
    site: Site, table: Table, extents: Sequence[int], along: Sequence[int], *, masks: bool
) -> Spread | None:
    """The way to give axes strips of these loops, each of another one, that takes the fewest timestamps."""
    axes: list[Strip | None] = []
    for axis, i in enumerate(along):
        fitting = _strips(site, table, axis, i, extents[i], masks=masks) if i >= 0 else ()
        axes.append(max(fitting, key=_busy, default=None))
    return _spread(table, axes, extents)


def _busy(strip: Strip) -> tuple[Fraction, bool]:
    """FUs in use, on average."""
    if not strip.ragged:
        return Fraction(strip.count), True
    return Fraction(strip.ragged, -(-strip.ragged // strip.count)), False


def _strips(
    site: Site, table: Table, axis: int, loop: int, extent: int, *, masks: bool
) -> Iterator[Strip]:
    """Strips of a loop along an axis: divisors, or all FUs of a ragged loop with the axis's counter, or with
    any where `masks` are free."""
    own = site.axes[axis]
    if extent == 1 or table.axes[axis][loop]:
        return
    for size in divisors(extent):
        if 1 < size <= own.size:
            yield Strip(loop, 1, size)
    counter = -1 if masks else own.counter
    if masks:
        fitting = (n for n, why in zip(site.limits, table.counters, strict=True) if not why[loop])
        most = own.size * max(fitting, default=0)
    elif counter < 0 or table.counters[counter][loop] or own.step != own.size:
        return
    else:
        most = min(own.most, own.size * site.limits[counter])
    for count in divisors(extent):
        if own.size < count <= most and count % own.size:
            yield Strip(loop, 1, own.size, count, counter)


def _spread(table: Table, axes: Sequence[Strip | None], extents: Sequence[int]) -> Spread | None:
    """These strips as the low digits of their loops, the last axis lowest; None if they don't go together."""
    factors, found = [1] * len(extents), list(axes)
    for axis in range(len(axes) - 1, -1, -1):
        strip = axes[axis]
        if strip is not None:
            found[axis] = replace(strip, factor=factors[strip.loop])
            factors[strip.loop] *= strip.ragged or strip.count
    if any(n % f for n, f in zip(extents, factors, strict=True)):
        return None
    left = tuple(n // f for n, f in zip(extents, factors, strict=True))
    return Spread(table, tuple(extents), tuple(found), left, tuple(factors))


def _raised(low: Spread) -> Iterator[Spread]:
    """The same with strips along axes as the high digits of their loops."""
    loops = [strip.loop for strip in low.axes if strip]
    free = [i for i in loops if low.left[i] > 1 and loops.count(i) == 1]
    for size in range(1, len(free) + 1):
        for high in itertools.combinations(free, size):
            axes = tuple(
                replace(s, factor=low.left[s.loop]) if s and s.loop in high else s for s in low.axes
            )
            factors = tuple(1 if i in high else f for i, f in enumerate(low.factors))
            yield replace(low, axes=axes, factors=factors)


def counters_of(
    site: Site, given: Spread, allowed: Allowed, kinds: Sequence[int], *, masks: bool
) -> Iterator[Assignment]:
    """Every way to give counters what is left of the loops; a loop's outer strips go to outer counters.

    `allowed` says whether a counter may have a strip; of counters that are alike by `kinds`, the first ones
    are taken. `masks`: comparators don't bind counters to axes.
    """
    closed = set() if masks else _closed(site, given)
    left = [(i, n) for i, n in enumerate(given.left) if n > 1]
    for axes, fixed in _ragged(site, given, allowed, kinds):
        if closed & set(fixed):
            continue
        free = [k for k in range(len(site.limits)) if k not in fixed and k not in closed]
        if not _matched([[k for k in free if not given.table.counters[k][i]] for i, _ in left]):
            continue
        for chosen in _given(site, given, allowed, left, free, kinds):
            counters = tuple((fixed | chosen).get(k) for k in range(len(site.limits)))
            bounds = _bounds(site, given, counters, masks=masks)
            if masks or all(b <= axis.most for b, axis in zip(bounds, site.axes, strict=True)):
                yield Assignment(given.table.order, axes, counters, bounds)


def _closed(site: Site, given: Spread) -> set[int]:
    """Counters that have one trip, since some FUs of their axis aren't in use."""
    return {
        axis.counter
        for axis, strip in zip(site.axes, given.axes, strict=True)
        if not (strip and strip.ragged) and (strip.count if strip else 1) < axis.size
    }


def _matched(fitting: Sequence[Sequence[int]]) -> bool:
    """Whether every loop can have a counter of its own, of those that fit it."""
    owner: dict[int, int] = {}

    def give(loop: int, seen: set[int]) -> bool:
        for k in fitting[loop]:
            if k not in seen:
                seen.add(k)
                if k not in owner or give(owner[k], seen):
                    owner[k] = loop
                    return True
        return False

    return all(give(loop, set()) for loop in range(len(fitting)))


def _ragged(
    site: Site, given: Spread, allowed: Allowed, kinds: Sequence[int]
) -> Iterator[tuple[tuple[Strip | None, ...], dict[int, Strip]]]:
    """Strips along the axes with a counter for each that is ragged, and what these counters have."""
    options = [[s] if s is None else _with_counter(site, given, s) for s in given.axes]
    for axes in itertools.product(*options):
        ragged = [strip for strip in axes if strip and strip.ragged]
        fixed = {
            s.counter: Strip(s.loop, s.factor * s.count, -(-s.ragged // s.count), s.ragged)
            for s in ragged
        }
        if not _foremost([s.counter for s in ragged], kinds):
            continue
        if len(fixed) == len(ragged) and all(allowed(k, strip) for k, strip in fixed.items()):
            yield axes, fixed


def _foremost(counters: Sequence[int], kinds: Sequence[int]) -> bool:
    """Whether of counters that are alike the first ones are taken, in order."""
    seen = dict[int, int]()
    for k in counters:
        if k != kinds[k] + seen.setdefault(kinds[k], 0):
            return False
        seen[kinds[k]] += 1
    return True


def _with_counter(site: Site, given: Spread, strip: Strip) -> list[Strip | None]:
    """A strip with each counter that it can go with, if it is ragged and has none."""
    if not strip.ragged or strip.counter >= 0:
        return [strip]
    return [
        replace(strip, counter=k)
        for k, limit in enumerate(site.limits)
        if not given.table.counters[k][strip.loop] and limit * strip.count >= strip.ragged
    ]


def _given(
    site: Site,
    given: Spread,
    allowed: Allowed,
    left: list[tuple[int, int]],
    free: list[int],
    kinds: Sequence[int],
) -> Iterator[dict[int, Strip]]:
    """Counters for loops with this many steps left; those loops first that have the fewest counters."""
    if not left:
        yield {}
        return
    fitting = {i: [k for k in free if not given.table.counters[k][i]] for i, _ in left}
    loop, count = min(left, key=lambda each: len(fitting[each[0]]))
    rest = [each for each in left if each[0] != loop]
    for mine in _parts(site, given, loop, count, fitting[loop], kinds):
        if all(allowed(k, strip) for k, strip in mine.items()):
            others = [k for k in free if k not in mine]
            for found in _given(site, given, allowed, rest, others, kinds):
                yield mine | found


def _parts(
    site: Site, given: Spread, loop: int, count: int, among: list[int], kinds: Sequence[int]
) -> Iterator[dict[int, Strip]]:
    """A loop on one counter, then on two, and so on."""
    factor, inner = given.factors[loop], given.table.inner
    for size in range(1, len(among) + 1):
        known = set[tuple[int, ...]]()
        every = list(itertools.combinations(among, size))
        for chosen in reversed(every) if inner and inner[loop] else every:
            alike = tuple(kinds[k] for k in chosen)
            if alike in known:
                continue
            known.add(alike)
            limits = [site.limits[k] for k in chosen]
            for counts in _products(count, limits) if math.prod(limits) >= count else ():
                steps = [factor * math.prod(counts[n + 1 :]) for n in range(size)]
                yield {
                    k: Strip(loop, step, trips)
                    for k, step, trips in zip(chosen, steps, counts, strict=True)
                }


def _products(count: int, limits: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Factors above 1 with this product, each up to its limit."""
    if len(limits) == 1:
        if 1 < count <= limits[0]:
            yield (count,)
        return
    for first in divisors(count):
        if 1 < first <= limits[0]:
            for rest in _products(count // first, limits[1:]):
                yield (first, *rest)


def _bounds(
    site: Site, given: Spread, counters: Sequence[Strip | None], *, masks: bool
) -> tuple[int, ...]:
    """Bounds of axes: just enough that the FUs in use count at all timestamps; 0 where no register has one,
    or masks are free."""
    found = []
    for axis, strip in zip(site.axes, given.axes, strict=True):
        own = counters[axis.counter] if axis.counter >= 0 else None
        if not axis.most or masks:
            found.append(0)
        elif strip and strip.ragged:
            found.append(strip.ragged)
        else:
            passed = axis.step * (own.count - 1) if own else 0
            found.append(passed + (strip.count if strip else 1))
    return tuple(found)
