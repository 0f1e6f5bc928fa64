"""What every body satisfies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from lego.diag import InternalError
from lego.ir.constants import Bits, Constant, constant, number_of
from lego.ir.formats import BOOL, EXACT, Float, Integer
from lego.ir.operation import Apply, Body, Fn, Position, Value

__all__ = ["body_faults", "constant_faults"]

_ONE = frozenset(
    {Fn.NEG, Fn.ABS, Fn.EXP, Fn.LOG, Fn.SQRT, Fn.RSQRT, Fn.TANH, Fn.ERF, Fn.SIGMOID, Fn.SIN, Fn.COS}
    | {Fn.FLOOR, Fn.ROUND, Fn.CAST, Fn.NOT}
)
_TRUTHS = frozenset({Fn.LT, Fn.LE, Fn.EQ, Fn.NOT, Fn.AND, Fn.OR})


def body_faults(body: Body, inputs: int, loops: int) -> Iterator[str]:
    """Broken rules of a body over so many inputs and loops: nodes have the arguments that their
    functions take, constants are of their formats, and what has no bound meets nothing that has one."""
    match body:
        case Value(index) if not 0 <= index < inputs:
            yield f"the body reads input {index} of {inputs}"
        case Position(loop, fmt):
            if not 0 <= loop < loops:
                yield f"the body has the index of loop {loop} of {loops}"
            if not isinstance(fmt, Integer) and fmt != EXACT:
                yield f"the index of a loop is of {fmt}"
        case Constant():
            yield from constant_faults(body)
        case Apply():
            yield from _apply_faults(body)
            for arg in body.args:
                yield from body_faults(arg, inputs, loops)


def constant_faults(body: Constant) -> Iterator[str]:
    """Broken rules of a constant: it is one of its format's numbers, or bits of none."""
    right = Fraction | Bits if isinstance(body.format, Float) else int
    if not isinstance(body.value, right):
        yield f"the constant {body.value} isn't of {body.format}"
        return
    try:
        held = constant(number_of(body), body.format)
    except InternalError as error:
        yield str(error)
        return
    if held != body and not _is_another_nan(held, body):
        yield f"{body.format} doesn't hold {body.value}"


def _is_another_nan(held: Constant, body: Constant) -> bool:
    """Whether the bits are of a not-a-number: formats have many."""
    if not isinstance(body.value, Bits) or not isinstance(body.format, Float):
        return False
    inside = 0 <= body.value.pattern < 1 << body.format.bits
    top = ((1 << body.format.exponent) - 1) << body.format.mantissa
    return inside and math.isnan(number_of(held)) and body.value.pattern & top == top


def _apply_faults(node: Apply) -> Iterator[str]:
    wanted = 3 if node.fn is Fn.WHERE else 1 if node.fn in _ONE else 2
    if len(node.args) != wanted:
        yield f"{node.fn} has {len(node.args)} arguments, not {wanted}"
    if node.fn in _TRUTHS and node.format not in (BOOL, EXACT):
        yield f"{node.fn} gives a truth value, not {node.format}"
    formats = [node.format, *(arg.format for arg in node.args)]
    if EXACT in formats and any(fmt != EXACT and fmt != BOOL for fmt in formats):
        yield f"{node.fn} is partly exact, partly of {', '.join(map(str, formats))}"
