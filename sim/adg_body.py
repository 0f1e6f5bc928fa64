"""Bodies of functional units on arrays of their operands' values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import Integer
from sim.reference import wrap

__all__ = ["contributions", "evaluate"]

Array = NDArray[np.int64]


def contributions(
    body: Expr, values: Sequence[Array], formats: Sequence[Integer], into: Integer | None
) -> Array:
    """The body on arrays of its operands' values, exactly; for sums wrapped to their format `into`.

    Where 64 bits might not hold what comes up on the way, Python's integers are used.
    """
    if _largest(body, [max(-fmt.low, fmt.high) for fmt in formats]) >= 1 << 63:
        found = evaluate(body, [value.astype(object) for value in values])
    else:
        found = evaluate(body, values)
    return (found if into is None else wrap(found, into)).astype(np.int64)


def _largest(expr: Expr, operands: Sequence[int]) -> int:
    """No value within the body has a magnitude above this, for operands up to these."""
    match expr:
        case Operand(index):
            return operands[index]
        case Literal(value):
            return abs(value)
        case Unary(_, arg):
            return _largest(arg, operands)
        case Binary(op, left, right):
            a, b = _largest(left, operands), _largest(right, operands)
            match op:
                case BinaryOp.MUL:
                    return max(a, b, a * b)
                case BinaryOp.SHL:
                    return max(a, a << b)
                case BinaryOp.ADD | BinaryOp.SUB:
                    return a + b
                case _:
                    return max(a, b)


def evaluate(expr: Expr, values: Sequence[Array]) -> Array:
    """The body of a statement on arrays of its operands' values, in their type."""
    match expr:
        case Operand(index):
            return values[index]
        case Literal(value):
            return np.array(value, dtype=np.int64)
        case Unary(op, arg):
            inner = evaluate(arg, values)
            return -inner if op is UnaryOp.NEG else np.abs(inner)
        case Binary(op, left, right):
            a, b = evaluate(left, values), evaluate(right, values)
            return _BINARY[op](a, b)


_BINARY = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.MAX: np.maximum,
    BinaryOp.MIN: np.minimum,
    BinaryOp.SHL: np.left_shift,
    BinaryOp.SHR: np.right_shift,
}
