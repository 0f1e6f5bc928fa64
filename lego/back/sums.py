"""Bodies of operations and their reductions: primitives, and the intervals of values and sums."""

from __future__ import annotations

import math

from lego.back.builder import Builder
from lego.back.passes.widths import infer_widths
from lego.ir.adg import Adg
from lego.ir.dag import Op
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.workload import Reduction

__all__ = [
    "HALVED",
    "accumulated_terms",
    "accumulates_held",
    "build_body",
    "combine",
    "element_terms",
    "identity",
    "reduced",
    "sum_range",
    "sum_span",
]

Range = tuple[int, int]

HALVED = 4
"""Bits from which a factor is worth taking in halves."""

_BINARY = {
    BinaryOp.ADD: Op.ADD,
    BinaryOp.SUB: Op.SUB,
    BinaryOp.MUL: Op.MUL,
    BinaryOp.MAX: Op.MAX,
    BinaryOp.MIN: Op.MIN,
}


def build_body(b: Builder, expr: Expr, operands: list[int], *, halved: bool = False) -> int:
    """The primitives of an operation's body, a register behind each; returns its value.

    `halved`: multipliers take two cycles, one for the products with the halves of a factor, one for their sum.
    """
    match expr:
        case Operand(index):
            return operands[index]
        case Literal(value):
            return b.const(value)
        case Unary(op, arg):
            inner = build_body(b, arg, operands, halved=halved)
            return b.op(Op.NEG if op is UnaryOp.NEG else Op.ABS, inner, latency=1)
        case Binary(BinaryOp.SHL, left, Literal(value)):
            return b.shl(build_body(b, left, operands, halved=halved), value)
        case Binary(op, left, right):
            a, c = (build_body(b, side, operands, halved=halved) for side in (left, right))
            if op is not BinaryOp.SUB:
                a, c = sorted((a, c))  # the other order in another dataflow is the same primitive
            if halved and op is BinaryOp.MUL:
                return _product(b, a, c)
            return b.op(_BINARY[op], a, c, latency=1)


def _product(b: Builder, a: int, c: int) -> int:
    """`a * c` as the sum of the products of `a` with the upper and with the lower half of `c`, the factor with more bits."""
    nodes = infer_widths(b.build()).nodes
    a, c = sorted((a, c), key=lambda factor: nodes[factor].bits)
    (low, high), bits = nodes[c].range, nodes[c].bits
    if bits < HALVED:
        return b.op(Op.MUL, a, c, latency=1)
    half = bits // 2
    upper = b.wrap(b.slice(c, half, bits - half), (low >> half, high >> half))
    parts = [b.op(Op.MUL, a, factor, latency=1) for factor in (upper, b.slice(c, 0, half))]
    corners = [x * y for x in nodes[a].range for y in (low, high)]
    span = min(corners), max(corners)
    return b.wrap(b.op(Op.ADD, b.shl(parts[0], half), parts[1], latency=1), span, span)


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


def identity(adg: Adg) -> int:
    """Identity of the reduction in the output's format."""
    if adg.reduction is Reduction.MAX:
        return adg.output_format.low
    if adg.reduction is Reduction.MIN:
        return adg.output_format.high
    return 0


def contribution_range(adg: Adg) -> Range:
    """Interval of one masked contribution."""
    b = Builder("range", "fu")
    spans = [(p.tensor.format.low, p.tensor.format.high) for p in adg.inputs]
    b.output("y", build_body(b, adg.op.body, [b.input(f"x{i}", s) for i, s in enumerate(spans)]))
    module = infer_widths(b.build())
    low, high = module.nodes[dict(module.outputs)["y"]].range
    if adg.reduction is Reduction.ASSIGN:
        return low, high
    return min(low, identity(adg)), max(high, identity(adg))


def sum_span(adg: Adg) -> Range:
    """Interval of sums before their terms are counted: that of the output's format."""
    fmt = adg.output_format
    return (fmt.low, fmt.high) if adg.reduction is Reduction.ADD else contribution_range(adg)


def sum_range(adg: Adg, terms: int) -> Range:
    """Interval of the reduction of `terms` contributions, wrapped to the output if wider."""
    low, high = contribution_range(adg)
    if adg.reduction is not Reduction.ADD:
        return low, high
    low, high = min(low * terms, low), max(high * terms, high)
    fmt = adg.output_format
    return (low, high) if fmt.low <= low and high <= fmt.high else (fmt.low, fmt.high)


def accumulates_held(adg: Adg) -> bool:
    """Whether roots accumulate over held counters."""
    return adg.output.hold > 0 and adg.reduction is not Reduction.ASSIGN


def accumulated_terms(adg: Adg, sums: int) -> int:
    """Contributions that meet in a root's accumulator."""
    trips = adg.dataflow.trips(adg.op)
    if adg.reduction is not Reduction.ASSIGN:
        for trip in trips[len(trips) - adg.output.hold :]:
            sums *= trip
    return sums


def element_terms(adg: Adg) -> int:
    """Most contributions that one element gets: iterations of all loops but one per dimension, which moves that dimension only."""
    rows = adg.op.output.map.rows
    extents = [loop.extent for loop in adg.op.loops]
    terms = math.prod(extents)
    for row in rows:
        terms //= max(
            (
                extent
                for i, extent in enumerate(extents)
                if row[i] and sum(other[i] != 0 for other in rows) == 1
            ),
            default=1,
        )
    return terms
