"""Which part of the accelerator does a step: it follows from the step."""

from __future__ import annotations

from enum import StrEnum

from lego.ir.array import Unfit, array_body
from lego.ir.constants import Constant
from lego.ir.expr import Binary, BinaryOp, Expr, Operand
from lego.ir.formats import BOOL
from lego.ir.network import Network
from lego.ir.operation import Apply, Body, HostCall, Operation, Reduction, Step, Value, operands

__all__ = ["Kind", "is_contraction", "kind_of", "macs_of", "total_macs"]


class Kind(StrEnum):
    """Which part of the accelerator does a step."""

    ARRAY = "array"  # sum of products over an affine domain
    POST = "post"  # elementwise, row reductions, table functions: beside the array
    MOVE = "move"  # layout, gather, concatenation
    HOST = "host"  # none of them, for the reason given


def kind_of(step: Step) -> Kind:
    """The part that a step is for."""
    if isinstance(step, HostCall):
        return Kind.HOST
    if is_contraction(step):
        return Kind.ARRAY
    moves = all(
        output.reduction is Reduction.ASSIGN and isinstance(output.body, Value | Constant)
        for output in step.outputs
    )
    return Kind.MOVE if moves else Kind.POST


def is_contraction(op: Operation) -> bool:
    """Whether it is a sum of products of two or more inputs, computed in one number format."""
    if len(op.outputs) != 1 or op.output.reduction is not Reduction.ADD:
        return False
    body = op.output.body
    if not isinstance(body, Apply) or len(set(operands(body))) < 2 or body.format == BOOL:
        return False
    expr = array_body(op)
    return not isinstance(expr, Unfit) and _is_product(expr) and len(set(_formats(body))) == 1


def macs_of(step: Step) -> int:
    """Multiply-accumulates of a contraction, 0 of others."""
    return step.iterations if isinstance(step, Operation) and is_contraction(step) else 0


def total_macs(network: Network) -> int:
    """Multiply-accumulates of all contractions."""
    return sum(map(macs_of, network.steps))


def _is_product(expr: Expr) -> bool:
    match expr:
        case Binary(BinaryOp.MUL, left, right):
            return _is_product(left) and _is_product(right)
        case Operand():
            return True
    return False


def _formats(body: Body) -> list[object]:
    found: list[object] = [body.format]
    for arg in body.args if isinstance(body, Apply) else ():
        found += _formats(arg)
    return found
