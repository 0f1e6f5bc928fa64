"""Operations that compute something slightly wrong."""

from __future__ import annotations

from dataclasses import replace

from lego.ir.constants import constant
from lego.ir.operation import Fn, Operation
from lego.ir.promotion import applied

__all__ = ["spoiled"]


def spoiled(op: Operation, factor: float) -> Operation:
    """The operation with everything that it adds or writes multiplied by a factor."""
    body = op.output.body
    wrong = applied(Fn.MUL, body, constant(factor, body.format))
    return replace(op, outputs=(replace(op.output, body=wrong),))
