"""What a read and a body cost, by the table of :mod:`lego.ir.costs`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from lego.ir import intervals
from lego.ir.costs import COSTS
from lego.ir.dag import bits_for
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.sram import area_of, built_words, in_registers

__all__ = ["bank_cost", "body_cost", "macro_cost", "read_cost"]

Range = tuple[int, int]


def read_cost(bits: int, depth: int) -> Fraction:
    """Energy of a read from a bank of so many words, in that of a register as wide, per cycle."""
    depth = built_words(depth, bits)
    if in_registers(depth, bits):
        return Fraction(COSTS.stored_read_aj + COSTS.stored_side_aj * depth, COSTS.register_aj)
    side = math.isqrt(bits * depth)
    return Fraction(COSTS.read_aj + COSTS.side_aj * side, COSTS.register_aj)


def bank_cost(bits: int, depth: int) -> int:
    """Area of a bank of so many words: of an SRAM, or of registers where that takes less."""
    return area_of(built_words(depth, bits), bits)


def macro_cost(bits: int, depth: int) -> int:
    """Area of a macro of so many words, with what the host and sums take at it."""
    wires = (bits + bits_for(0, depth - 1)) * COSTS.mux_bit + 8 * COSTS.gate
    return bank_cost(bits, depth) + wires


def body_cost(bodies: Sequence[tuple[Expr, Sequence[int]]], ports: Mapping[int, Range]) -> int:
    """Area of the distinct primitives of bodies whose operands are at these ports.

    A primitive with the same operands in two bodies exists once, in either order of its operands.
    `ports` gives the values' interval per port.
    """
    seen: dict[object, tuple[Range, int]] = {}
    for body, places in bodies:
        _visit(body, places, ports, seen)
    return sum(cost for _, cost in seen.values())


def _visit(
    expr: Expr,
    places: Sequence[int],
    ports: Mapping[int, Range],
    seen: dict[object, tuple[Range, int]],
) -> tuple[str, Range]:
    match expr:
        case Operand(index):
            return f"p{places[index]}", ports[places[index]]
        case Literal(value):
            return str(value), (value, value)
        case Unary(op, arg):
            children = [_visit(arg, places, ports, seen)]
        case Binary(op, left, right):
            children = [_visit(arg, places, ports, seen) for arg in (left, right)]
    names = [name for name, _ in children]
    if isinstance(expr, Binary) and op not in (BinaryOp.SUB, BinaryOp.SHL, BinaryOp.SHR):
        names.sort()
    key = f"({op} {' '.join(names)})"
    if key not in seen:
        seen[key] = _priced(expr, [span for _, span in children])
    return key, seen[key][0]


def _priced(expr: Expr, spans: Sequence[Range]) -> tuple[Range, int]:
    """Interval of a primitive's value, from the corners of its operands', and its area."""
    if not isinstance(expr, Binary):
        low, high = spans[0]
        most = max(abs(low), abs(high))
        least = 0 if isinstance(expr, Unary) and expr.op is UnaryOp.ABS else -most
        return (least, most), COSTS.adder_bit * _bits(spans[0])
    span = _span(expr.op, *spans)
    match expr.op:
        case BinaryOp.MUL:
            return span, COSTS.multiplier_bit * _bits(spans[0]) * _bits(spans[1])
        case BinaryOp.SHL | BinaryOp.SHR:
            return span, 0
    return span, COSTS.adder_bit * _bits(span)


def _span(op: BinaryOp, left: Range, right: Range) -> Range:
    """Interval of an operation on two; shifts are by constants, `max` and `min` give either operand."""
    match op:
        case BinaryOp.MUL:
            return intervals.multiplied(left, right)
        case BinaryOp.SHL:
            return intervals.raised(left, right[0])
        case BinaryOp.SHR:
            return intervals.reduced(left, right[0])
        case BinaryOp.SUB:
            return intervals.subtracted(left, right)
        case BinaryOp.ADD:
            return intervals.added(left, right)
    return intervals.hull(left, right)


def _bits(span: Range) -> int:
    low, high = span
    return max(1, high.bit_length(), (-low - 1).bit_length() + 1 if low < 0 else 0)
