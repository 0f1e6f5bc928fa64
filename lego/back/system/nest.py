"""Nests of counters with affine sums over them, nothing multiplied.

Each sum has a register per counter: its value where all counters further in are 0. A step adds the step of
the counter that goes up to that counter's register, and the registers further in take the same value. Every
register has an adder, so that adding doesn't wait until it is known which counter goes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lego.back.graph.builder import Builder

__all__ = ["Nest", "Total", "build_nest", "plus"]

_BLOCK = 10
"""Most bits that a carry goes through one by one."""


@dataclass(frozen=True, slots=True)
class Total:
    """A sum `first + counter * step + ...` modulo `2**bits`; nodes of a builder.

    Attributes
    ----------
    first : its value at the first point, looked at when the nest is loaded.
    steps : per counter, the outermost first, looked at while the nest runs; `bits` wide.
    """

    name: str
    bits: int
    first: int
    steps: Sequence[int]


@dataclass(frozen=True, slots=True)
class Nest:
    """Nodes of a nest at its present point.

    Attributes
    ----------
    values : of each sum.
    counters : the outermost first.
    last : no point follows.
    """

    values: tuple[int, ...]
    counters: tuple[int, ...]
    last: int


def build_nest(
    b: Builder, name: str, trips: Sequence[int], totals: Sequence[Total], load: int, step: int
) -> Nest:
    """A nest whose counters have `trips` (less one, the outermost first, held while it runs).

    In the cycle after `load` it is at its first point, in that after `step` at the next; a load goes before
    a step. What follows the last point is no point.
    """
    counters = [b.reg(b.nodes[trip].range, name=f"{name}_{k}") for k, trip in enumerate(trips)]
    ends = [b.eq(counter, trip) for counter, trip in zip(counters, trips, strict=True)]
    moves = [b.all(ends[k + 1 :]) for k in range(len(trips))]
    for counter, end, moved in zip(counters, ends, moves, strict=True):
        following = b.wrap(b.add(counter, b.const(1)), b.nodes[counter].range)
        counted = b.mux(b.any([load, end]), b.const(0), following)
        b.drive(counter, counted, b.any([load, b.all([step, moved])]))
    grows = [b.all([moved, b.invert(end)]) for moved, end in zip(moves, ends, strict=True)]
    values = tuple(_summed(b, total, (load, step), moves, grows) for total in totals)
    return Nest(values, tuple(counters), b.all(ends))


def _summed(
    b: Builder, total: Total, when: tuple[int, int], moves: Sequence[int], grows: Sequence[int]
) -> int:
    """The register of the innermost counter; `grows` tells which counter goes up at a step."""
    load, step = when
    span = (0, (1 << total.bits) - 1)
    at = [b.reg(span, name=f"{total.name}_{k}", resets=False) for k in range(len(moves))]
    added = [plus(b, here, by, total.bits) for here, by in zip(at, total.steps, strict=True)]
    following = b.mux(load, total.first, b.one_of(list(zip(grows, added, strict=True))))
    for register, moved in zip(at, moves, strict=True):
        b.drive(register, following, b.any([load, b.all([step, moved])]))
    return at[-1]


def plus(b: Builder, x: int, y: int, bits: int) -> int:
    """`x + y` modulo `2**bits` in blocks, which are added with and without a carry and chosen by it."""
    count = -(-bits // _BLOCK)
    edges = [bits * k // count for k in range(count + 1)]
    parts, carry = [], -1
    for start, end in pairwise(edges):
        size = end - start
        plain = b.add(b.slice(x, start, size), b.slice(y, start, size))
        one = b.add(plain, b.const(1))
        chosen = plain if carry < 0 else b.mux(carry, one, plain)
        carry = b.slice(chosen, size, 1)
        parts.append(b.slice(chosen, 0, size))
    return b.cat(parts)
