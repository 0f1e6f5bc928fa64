"""Bodies of networks' nests as expressions of the workload language, where it has them."""

from __future__ import annotations

from collections.abc import Sequence

from frontends.yaml.indices import MAX_LITERAL
from frontends.yaml.statement import MAX_SHIFT
from lego.diag import LegoError
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.network import Apply, Body, Fn, Number, Value

__all__ = ["expression"]

_BINARY = {
    Fn.ADD: BinaryOp.ADD,
    Fn.SUB: BinaryOp.SUB,
    Fn.MUL: BinaryOp.MUL,
    Fn.MAX: BinaryOp.MAX,
    Fn.MIN: BinaryOp.MIN,
}
_UNARY = {Fn.NEG: UnaryOp.NEG, Fn.ABS: UnaryOp.ABS}


def expression(body: Body) -> Expr:
    """The body over integers.

    Raises E405 for functions that the language lacks and numbers that it can't write.
    """
    match body:
        case Value(index):
            return Operand(index)
        case Number(value) if value == int(value) and abs(value) <= MAX_LITERAL:
            return Literal(int(value))
        case Apply(Fn.SHIFT, (left, Number(by))) if by in range(MAX_SHIFT + 1):
            return Binary(BinaryOp.SHR, expression(left), Literal(int(by)))
        case Apply(fn, args) if fn in _BINARY:
            return _binary(_BINARY[fn], args)
        case Apply(fn, (arg,)) if fn in _UNARY:
            return Unary(_UNARY[fn], expression(arg))
    what = f"the function {body.fn}" if isinstance(body, Apply) else "a body"
    hint = "bodies of workloads have + - * max min abs, and >> by a number"
    raise LegoError("E405", f"{what} here can't be written in a workload", hint=hint)


def _binary(op: BinaryOp, args: Sequence[Body]) -> Expr:
    left, right = map(expression, args)
    return Binary(op, left, right)
