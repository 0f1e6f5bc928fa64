"""Reductions of two values as primitives."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.ir.dag import Op
from lego.ir.operation import Reduction

__all__ = ["combine", "reduced"]

Range = tuple[int, int]


def combine(
    b: Builder, reduction: Reduction, left: int, right: int, span: Range, claim: Range | None = None
) -> int:
    """The reduction of two values, in the interval `span`; it never leaves `claim`."""
    value = reduced(b, reduction, left, right)
    return value if b.nodes[value].op in (Op.MAX, Op.MIN) else b.wrap(value, span, claim)


def reduced(b: Builder, reduction: Reduction, left: int, right: int) -> int:
    """The reduction of two values; a sum grows."""
    match reduction:
        case Reduction.MAX:
            return b.op(Op.MAX, left, right)
        case Reduction.MIN:
            return b.op(Op.MIN, left, right)
        case _:
            return b.add(left, right)
