"""Iteration domains: a box of loops, and affine inequalities that its points obey.

Everything is exact, by integer sets (isl). Loops that no inequality names are left out of the sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lego.ir.closed import Number, ceil_div, floor_div, maximum, minimum, symbolic
from lego.ir.parametric import largest_of

if TYPE_CHECKING:
    import islpy

__all__ = [
    "Inequality",
    "affine_text",
    "bounded_above",
    "cut",
    "domain_set",
    "index_range",
    "inside_box",
    "largest_index",
    "points",
    "reached",
]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Inequality:
    """``coefficients . i < limit`` over the loops of an operation, in their order.

    Attributes
    ----------
    coefficients : one integer per loop, at least two of them not zero, without a common factor.
    """

    coefficients: tuple[int, ...]
    limit: int

    @staticmethod
    def of(coefficients: Sequence[int], limit: int) -> Inequality:
        """The inequality without the common factor of its coefficients, of which one isn't zero."""
        factor = math.gcd(*coefficients)
        return Inequality(tuple(a // factor for a in coefficients), -(-limit // factor))

    def holds(self, point: Sequence[int]) -> bool:
        """Whether a point obeys it."""
        return sum(a * x for a, x in zip(self.coefficients, point, strict=True)) < self.limit

    def describe(self, names: Sequence[str]) -> str:
        """Text for people, with the last loop alone on the left: `j < i + 1`, `j >= i - 3`."""
        last = max(k for k, a in enumerate(self.coefficients) if a)
        factor = self.coefficients[last]
        sign = 1 if factor > 0 else -1
        others = affine_text([-sign * a for a in self.coefficients[:last]], names)
        own = names[last] if abs(factor) == 1 else f"{abs(factor)}*{names[last]}"
        constant = self.limit if sign > 0 else 1 - self.limit
        if not others:
            right = str(constant)
        elif constant:
            right = f"{others} {'-' if constant < 0 else '+'} {abs(constant)}"
        else:
            right = others
        return f"{own} {'<' if sign > 0 else '>='} {right}"


def affine_text(coefficients: Sequence[int], names: Sequence[str]) -> str:
    """`i + 2*j - k`; empty without terms."""
    text = ""
    for a, name in zip(coefficients, names, strict=False):
        if a:
            term = name if abs(a) == 1 else f"{abs(a)}*{name}"
            sign = "-" if a < 0 else "+"
            text += f" {sign} {term}" if text else f"-{term}" if a < 0 else term
    return text


def domain_set(extents: Sequence[int], inequalities: Sequence[Inequality]) -> islpy.Set:
    """The isl set of the points ``i0, i1, ...`` of the box that obey all inequalities."""
    return _set([(0, extent) for extent in extents], inequalities)


def _set(sides: Sequence[Range], inequalities: Sequence[Inequality]) -> islpy.Set:
    import islpy as isl

    names = ", ".join(f"i{k}" for k in range(len(sides)))
    tests = [f"{start} <= i{k} < {end}" for k, (start, end) in enumerate(sides)]
    for each in inequalities:
        terms = [f"{a} i{k}" for k, a in enumerate(each.coefficients) if a]
        tests.append(f"{' + '.join(terms)} < {each.limit}")
    return isl.Set(f"{{ [{names}] : {' and '.join(tests) or 'true'} }}")


def points(extents: Sequence[int], inequalities: Sequence[Inequality]) -> int:
    """Number of points of the box that obey all inequalities, which may name one loop only here."""
    sides = [(0, extent) for extent in extents]
    joint = []
    for each in inequalities:
        named = [k for k, a in enumerate(each.coefficients) if a]
        if len(named) == 1:
            sides[named[0]] = cut(sides[named[0]], each.coefficients[named[0]], each.limit)
        else:
            joint.append(each)
    named = [k for k in range(len(sides)) if any(each.coefficients[k] for each in joint)]
    free = math.prod(max(0, end - start) for k, (start, end) in enumerate(sides) if k not in named)
    if not named or not free:
        return free
    within = [Inequality(tuple(each.coefficients[k] for k in named), each.limit) for each in joint]
    return int(_set([sides[k] for k in named], within).count_val().to_python()) * free


def cut(side: tuple[Number, Number], factor: int, limit: Number) -> tuple[Number, Number]:
    """What is left of a side where `factor` times its values is below `limit`."""
    start, end = side
    if factor > 0:
        return start, minimum(end, ceil_div(limit, factor))
    return maximum(start, floor_div(limit, factor) + 1), end


def index_range(
    row: Sequence[int], offset: int, extents: Sequence[int], inequalities: Sequence[Inequality]
) -> Range | None:
    """Least and largest value of ``row . i + offset`` over the points; None if there are none."""
    low, high = inside_box(row, offset, extents)
    if not inequalities:
        return low, high
    import islpy as isl

    found = domain_set(extents, inequalities)
    if found.is_empty():
        return None
    terms = [str(offset), *(f"{a} i{k}" for k, a in enumerate(row) if a)]
    names = ", ".join(f"i{k}" for k in range(len(extents)))
    value = isl.Aff(f"{{ [{names}] -> [{' + '.join(terms)}] }}")
    return int(found.min_val(value).to_python()), int(found.max_val(value).to_python())


def largest_index(
    row: Sequence[int],
    extents: Sequence[Number],
    inequalities: Sequence[Inequality],
    otherwise: int,
) -> Number | int:
    """Largest value of ``row . i`` over the points; `otherwise` if there are none."""
    if not inequalities:
        return inside_box(row, 0, extents)[1]
    if symbolic(*extents):
        pairs = [(each.coefficients, each.limit) for each in inequalities]
        return largest_of(row, extents, pairs, otherwise)
    found = index_range(row, 0, extents, inequalities)
    return found[1] if found else otherwise


def inside_box(row: Sequence[int], offset: int, extents: Sequence[Number]) -> tuple[Number, Number]:
    """The same over the whole box (exact: corners of a box)."""
    return (
        offset + sum(min(0, a) * (n - 1) for a, n in zip(row, extents, strict=True)),
        offset + sum(max(0, a) * (n - 1) for a, n in zip(row, extents, strict=True)),
    )


def reached(k: int, extents: Sequence[int], inequalities: Sequence[Inequality]) -> int:
    """One more than the largest value of loop `k` that it and the loops before it leave; 0 if none.

    Inequalities with later loops don't count.
    """
    before = [
        Inequality(each.coefficients[: k + 1], each.limit)
        for each in inequalities
        if not any(each.coefficients[k + 1 :])
    ]
    found = domain_set(extents[: k + 1], before)
    return 0 if found.is_empty() else int(found.dim_max_val(k).to_python()) + 1


def bounded_above(k: int, inequalities: Sequence[Inequality]) -> bool:
    """Whether an inequality bounds loop `k` by the loops before it."""
    return any(
        each.coefficients[k] > 0 and not any(each.coefficients[k + 1 :]) for each in inequalities
    )
