"""The body of a tensor operation: a small expression tree over operand values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Binary", "BinaryOp", "Expr", "Literal", "Operand", "Unary", "UnaryOp", "evaluate"]


class UnaryOp(StrEnum):
    """Operators of one argument."""

    NEG = "-"
    ABS = "abs"


class BinaryOp(StrEnum):
    """Operators of two arguments. `SHL` and `SHR` shift by a literal; `SHR` rounds down."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    MAX = "max"
    MIN = "min"
    SHL = "<<"
    SHR = ">>"


@dataclass(frozen=True, slots=True)
class Operand:
    """The value of input access number `index` of the operation."""

    index: int


@dataclass(frozen=True, slots=True)
class Literal:
    """An integer written in the statement."""

    value: int


@dataclass(frozen=True, slots=True)
class Unary:
    """`op arg`."""

    op: UnaryOp
    arg: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`; for `SHL` and `SHR` the right side is a non-negative literal."""

    op: BinaryOp
    left: Expr
    right: Expr


Expr = Operand | Literal | Unary | Binary


def evaluate(expr: Expr, operands: Sequence[int]) -> int:
    """Value of the expression in unbounded integers."""
    match expr:
        case Operand(index):
            return operands[index]
        case Literal(value):
            return value
        case Unary(op, arg):
            value = evaluate(arg, operands)
            return -value if op is UnaryOp.NEG else abs(value)
        case Binary(op, left, right):
            a, b = evaluate(left, operands), evaluate(right, operands)
            match op:
                case BinaryOp.ADD:
                    return a + b
                case BinaryOp.SUB:
                    return a - b
                case BinaryOp.MUL:
                    return a * b
                case BinaryOp.MAX:
                    return max(a, b)
                case BinaryOp.MIN:
                    return min(a, b)
                case BinaryOp.SHL:
                    return a << b
                case BinaryOp.SHR:
                    return a >> b
