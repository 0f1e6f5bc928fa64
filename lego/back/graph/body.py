"""Bodies of operations: primitives for one value of a sum, or of another reduction.

Of a sum only the low bits count that the output keeps. They depend only on as many low bits of what is
added, subtracted, negated, multiplied, or shifted left; and on those above as well of what is shifted
right. So values are cut where multiplying or shifting left makes them wide, and again at the end; sums
between grow by a bit or two. Under `max`, `min` and `abs` every bit counts.
"""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.ir.dag import Node, Op, bits_for
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import Integer

__all__ = ["HALVED", "build_body"]

HALVED = 4
"""Bits from which a factor is worth taking in halves."""

_BINARY = {
    BinaryOp.ADD: Op.ADD,
    BinaryOp.SUB: Op.SUB,
    BinaryOp.MUL: Op.MUL,
    BinaryOp.MAX: Op.MAX,
    BinaryOp.MIN: Op.MIN,
}


def build_body(
    b: Builder,
    expr: Expr,
    operands: list[int],
    *,
    into: Integer | None = None,
    halved: bool = False,
) -> int:
    """The primitives of an operation's body, a register behind each; returns its value.

    `into`: the format that sums of these values wrap in, and so does the value; None: all of it counts.
    `halved`: multipliers take two cycles, one for the products with the halves of a factor, one for their
    sum.
    """
    body = _Body(b, operands, halved)
    if into is None:
        return body.value(expr, None)
    found = body.value(expr, into.bits)
    low, high = body.node(found).range
    inside = into.low <= low and high <= into.high
    return found if inside else b.wrap(found, (into.low, into.high))


class _Body:
    """Makes values of which only the low `keep` bits count; None: all of them."""

    def __init__(self, b: Builder, operands: list[int], halved: bool) -> None:
        self.b, self.operands, self.halved = b, operands, halved

    def node(self, at: int) -> Node:
        """A node with its interval."""
        return infer_widths(self.b.build()).nodes[at]

    def value(self, expr: Expr, keep: int | None) -> int:
        """A node that agrees with the expression in the bits that count; it may have more."""
        b = self.b
        match expr:
            case Operand(index):
                return self.operands[index]
            case Literal(value):
                return b.const(value)
            case Unary(UnaryOp.NEG, arg):
                return b.op(Op.NEG, self.value(arg, keep), latency=1)
            case Unary(_, arg):
                return b.op(Op.ABS, self.value(arg, None), latency=1)
            case Binary(BinaryOp.SHL, left, Literal(by)):
                return self._raised(left, by, keep)
            case Binary(BinaryOp.SHR, left, Literal(by)):
                return b.shr(self.value(left, None if keep is None else keep + by), by)
            case Binary(op, left, right):
                exact = op in (BinaryOp.MAX, BinaryOp.MIN)
                a, c = (self.value(side, None if exact else keep) for side in (left, right))
                if op is not BinaryOp.SUB:
                    a, c = sorted(
                        (a, c)
                    )  # the other order in another dataflow is the same primitive
                if op is BinaryOp.MUL:
                    return self._product(self._low(a, keep), self._low(c, keep), keep)
                return b.op(_BINARY[op], a, c, latency=1)

    def _low(self, at: int, keep: int | None) -> int:
        """The bits that count, read with the sign that the value has."""
        if keep is None or (found := self.node(at)).bits <= keep:
            return at
        half = 1 << (keep - 1)
        return self.b.wrap(at, (-half, half - 1) if found.signed else (0, 2 * half - 1))

    def _raised(self, left: Expr, by: int, keep: int | None) -> int:
        if keep is not None and keep <= by:
            return self.b.const(0)
        below = None if keep is None else keep - by
        return self.b.shl(self._low(self.value(left, below), below), by)

    def _product(self, a: int, c: int, keep: int | None) -> int:
        """`a * c`; in halves the sum of the products of `a` with each half of `c`, the wider factor."""
        b = self.b
        if self.halved:
            a, c = sorted((a, c), key=lambda factor: self.node(factor).bits)
        (low, high), bits = self.node(c).range, self.node(c).bits
        if not self.halved or bits < HALVED:
            return self._low(b.op(Op.MUL, a, c, latency=1), keep)
        half = bits // 2
        above = None if keep is None else keep - half
        upper = b.wrap(b.slice(c, half, bits - half), (low >> half, high >> half))
        raised = b.shl(self._low(b.op(Op.MUL, a, upper, latency=1), above), half)
        lower = self._low(b.op(Op.MUL, a, b.slice(c, 0, half), latency=1), keep)
        total = b.op(Op.ADD, raised, lower, latency=1)
        corners = [x * y for x in self.node(a).range for y in (low, high)]
        span = min(corners), max(corners)
        if keep is None or bits_for(*span) <= keep:
            return b.wrap(total, span, span)
        return self._low(total, keep)
