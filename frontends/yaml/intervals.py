"""Interval arithmetic over loop boxes and bodies."""

from __future__ import annotations

from collections.abc import Sequence

from lego.diag import InternalError
from lego.front.lexmin import least_point
from lego.ir.affine import AffineMap
from lego.ir.array import SPANS
from lego.ir.constants import Constant
from lego.ir.dag import bits_for
from lego.ir.domain import Inequality, domain_set, index_range, inside_box
from lego.ir.operation import Apply, Body, Fn, Loop, Value

__all__ = ["body_bits", "body_interval", "escape", "index_interval"]

Range = tuple[int, int]


def index_interval(
    access: AffineMap, loops: Sequence[Loop], domain: Sequence[Inequality] = ()
) -> list[Range]:
    """Least and largest index per dimension over the domain, exactly; over the box if it is empty."""
    extents = [loop.extent for loop in loops]
    return [
        index_range(row, offset, extents, domain) or inside_box(row, offset, extents)
        for row, offset in zip(access.rows, access.offset, strict=True)
    ]


def escape(
    row: Sequence[int], loops: Sequence[Loop], domain: Sequence[Inequality] = (), *, high: bool
) -> str:
    """The point where an index is largest (or least), as text: a corner of the box, or the first of
    the domain."""
    corner = [loop.extent - 1 if (a > 0) == high else 0 for a, loop in zip(row, loops, strict=True)]
    named = list(row)
    if domain:
        extents = [loop.extent for loop in loops]
        found = index_range(row, 0, extents, domain)
        if found is not None:
            bound = Inequality(
                tuple(-a if high else a for a in row), 1 - found[1] if high else 1 + found[0]
            )
            corner = list(least_point(domain_set(extents, [*domain, bound])) or corner)
            named = [a or any(each.coefficients[k] for each in domain) for k, a in enumerate(row)]
    parts = [f"{loop.name}={x}" for a, loop, x in zip(named, loops, corner, strict=True) if a]
    return ", ".join(parts) or "every iteration"


def body_interval(body: Body, spans: Sequence[Range]) -> Range:
    """Values of an exact body for operands in these intervals."""
    match body:
        case Value(index):
            return spans[index]
        case Constant(int(value)):
            return value, value
        case Apply(fn, args):
            return SPANS[fn](*(body_interval(arg, spans) for arg in args))
    raise InternalError(f"no body of a statement: {body}")


def body_bits(body: Body, spans: Sequence[Range], keep: int | None) -> int:
    """Most bits that a value within the body needs, if only the low `keep` bits of the result
    count; None: all do.

    They depend on as many low bits of what is added, subtracted, negated, multiplied or shifted
    left, on some more of what is shifted right, and on all bits of what `max`, `min` and `abs`
    take.
    """
    bits = bits_for(*body_interval(body, spans))
    own = bits if keep is None else min(bits, keep)
    match body:
        case Apply(Fn.SHL, (left, Constant(int(by)))):
            return max(own, body_bits(left, spans, None if keep is None else max(0, keep - by)))
        case Apply(Fn.SHIFT, (left, Constant(int(by)))):
            return max(own, body_bits(left, spans, None if keep is None else keep + by))
        case Apply(fn, args):
            below = None if fn in (Fn.MAX, Fn.MIN, Fn.ABS) else keep
            return max(own, *(body_bits(arg, spans, below) for arg in args))
    return own
