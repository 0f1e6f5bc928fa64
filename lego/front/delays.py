"""Delay reuse of data nodes: values that some FU used earlier come through a FIFO, not from memory.

Such a reuse holds at the timestamps whose source lies in the domain, a box; elsewhere the data node
reads memory. Its delay ``lin(dt) + c . ds`` depends on the run-time bounds if a counter outside the
innermost steps; then the FIFO is of programmable depth.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from lego.front.reuse import Forms, Reuse, held_counters, reuse_vectors
from lego.ir.adg import Fu
from lego.ir.closed import Number, maximum, minimum
from lego.ir.costs import COSTS
from lego.ir.dataflow import Dataflow
from lego.ir.delay_reuse import DelayReuse

DIRECT_CHAIN = 4
"""FUs in a row that a value may pass in one cycle: each adds a multiplexer to the longest path."""

__all__ = ["covered", "delay_reuse", "longest"]


def covered(boxes: Sequence[Sequence[tuple[Number, Number]]]) -> Number | int:
    """Points in the union of boxes, by inclusion and exclusion."""
    total: Number | int = 0
    for count in range(1, len(boxes) + 1):
        for group in itertools.combinations(boxes, count):
            total += (-1) ** (count + 1) * math.prod(
                maximum(0, minimum(*(end for _, end in sides)) - maximum(*(at for at, _ in sides)))
                for sides in zip(*group, strict=True)
            )
    return total


def delay_reuse(
    form: Forms, dataflow: Dataflow, trips: Sequence[int], nodes: Sequence[Fu], price: Fraction
) -> tuple[DelayReuse, ...]:
    """The delay reuse that pays, best first; each serves the data nodes where it does.

    It pays if its registers and multiplexers take less energy than the memory accesses that it makes
    unnecessary, which are counted exactly on the validity sets of all reuse chosen before. `price` is
    the energy of an access, in that of a register as wide, per cycle.
    """
    if not trips or held_counters(form):
        return ()
    found: list[DelayReuse] = []
    candidates = list(_candidates(form, dataflow, trips))
    while True:
        gains = [_gain(reuse, dataflow, trips, nodes, found, price) for reuse in candidates]
        best = max(gains, key=lambda gain: gain[0], default=(Fraction(0), ()))
        if not best[1]:
            return tuple(found)
        reuse = candidates.pop(gains.index(best))
        found.append(replace(longest(reuse, trips, dataflow.skew(reuse.ds)), fus=best[1]))


def _candidates(form: Forms, dataflow: Dataflow, trips: Sequence[int]) -> Iterator[Reuse]:
    """Reuse over time. Without delay only from FUs that precede in lexicographic order, as direct links
    do, so that no values chase each other; the opposite direction has no delay either."""
    for reuse in reuse_vectors(form, dataflow, trips):
        programmable = any(reuse.dt[:-1])
        if any(reuse.dt) and (
            reuse.delay or (not programmable and reuse.ds > (0,) * len(reuse.ds))
        ):
            yield reuse


def longest(reuse: Reuse, trips: Sequence[int], skew: int) -> DelayReuse:
    """The reuse with its greatest delay over all bounds up to the maxima.

    ``lin(dt)`` is affine in each trip count; it rises with all of them if ``dt`` is lexicographically
    positive, and falls if negative (skew may still make the delay positive). So it is greatest at the
    maxima, or at the least trip counts at which the reuse holds anywhere.
    """
    mine = DelayReuse(reuse.ds, reuse.dt, reuse.delay, ())
    least = mine.cycles([abs(step) + 1 for step in reuse.dt], skew)
    return replace(mine, delay=max(mine.cycles(trips, skew), least))


def _gain(
    reuse: Reuse,
    dataflow: Dataflow,
    trips: Sequence[int],
    nodes: Sequence[Fu],
    found: Sequence[DelayReuse],
    price: Fraction,
) -> tuple[Fraction, tuple[Fu, ...]]:
    """Registers saved over all data nodes, and the nodes that it pays to serve."""
    groups: dict[tuple[int, ...], list[Fu]] = {}
    serving = [set(each.fus) for each in found]
    for fu in _takers(reuse, nodes):
        key = tuple(k for k, fus in enumerate(serving) if fu in fus)
        groups.setdefault(key, []).append(fu)
    mine = longest(reuse, trips, dataflow.skew(reuse.ds))
    total, served = Fraction(0), []
    for before, fus in groups.items():
        boxes = [found[k].domain(trips, dataflow.skew(found[k].shift)) for k in before]
        new = covered([*boxes, mine.domain(trips, dataflow.skew(reuse.ds))]) - covered(boxes)
        saved = price * Fraction(new, math.prod(trips)) - _cost(mine)
        if saved > 0:
            total += saved * len(fus)
            served += fus
    return total, tuple(sorted(served))


def _takers(reuse: Reuse, nodes: Sequence[Fu]) -> Iterator[Fu]:
    """Data nodes whose source is a data node; without delay, chains of them are cut."""
    hops: dict[Fu, int] = {}
    for fu in nodes:  # in lexicographic order, so sources of direct links come first
        source = tuple(a - d for a, d in zip(fu, reuse.ds, strict=True))
        hops[fu] = (hops[source] + 1) % DIRECT_CHAIN if source in hops else 0
    members = set(nodes)
    for fu in nodes:
        source = tuple(a - d for a, d in zip(fu, reuse.ds, strict=True))
        if source in members and (reuse.delay or hops[fu]):
            yield fu


def _cost(reuse: DelayReuse) -> Fraction:
    """Registers of one FU's delay, and multiplexers that choose it and its depth, in registers."""
    muxes = 1 + (reuse.delay - 1).bit_length() if reuse.programmable else 1
    return reuse.delay + Fraction(muxes * COSTS.mux_bit, COSTS.register_bit)
