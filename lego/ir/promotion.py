"""Which number format a function gives for arguments of these formats: PyTorch's rules for tensors
(documentation of `torch.promote_types`), as every node of a traced body has to say.

Floating point of eight bits is computed with in float32. Integers that share no type, such as
uint32 and int32, have no result.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.diag import InternalError, LegoError
from lego.ir.constants import Constant, constant, number_of
from lego.ir.formats import (
    BOOL,
    EXACT,
    FLOAT32,
    FLOAT64,
    INT64,
    Bool,
    Exact,
    Float,
    Format,
    Integer,
)
from lego.ir.operation import Apply, Body, Fn, Position, Value

__all__ = ["applied", "in_format", "joined", "result_of", "widened"]

_TRUTHS = frozenset({Fn.LT, Fn.LE, Fn.EQ, Fn.NOT, Fn.AND, Fn.OR})
_REALS = frozenset({Fn.EXP, Fn.LOG, Fn.SQRT, Fn.RSQRT, Fn.TANH, Fn.ERF, Fn.SIGMOID, Fn.SIN, Fn.COS})
"""Of integers they are computed in float32."""


def applied(fn: Fn, *args: Body) -> Apply:
    """`fn(args)` in the format that it gives; not for casts, which name theirs."""
    return Apply(fn, args, result_of(fn, [arg.format for arg in args]))


def in_format(body: Body, fmt: Format) -> Body:
    """The same body with every node in one format. Raises InternalError for a constant that the format
    can't hold."""
    match body:
        case Value(index):
            return Value(index, fmt)
        case Constant():
            return constant(number_of(body), fmt)
        case Position(loop):
            return Position(loop, fmt)
        case Apply(fn, args):
            return Apply(fn, tuple(in_format(arg, fmt) for arg in args), fmt)


def result_of(fn: Fn, formats: Sequence[Format]) -> Format:
    """The format of a function's result. Raises InternalError for a cast, E402 where there is none."""
    if fn in _TRUTHS:
        return BOOL
    if fn is Fn.CAST:
        raise InternalError("a cast is to a format of its own")
    if fn is Fn.WHERE:
        return joined(formats[1], formats[2])
    real = any(isinstance(fmt, Float) for fmt in formats)
    if fn in _REALS and not real:
        return FLOAT32
    return FLOAT64 if fn is Fn.DIV and not real else joined(*formats)


def widened(fmt: Format) -> Format:
    """The format that elements are read in to compute with them: signed for unsigned ones of 9 to 32
    bits, which meet few others; the low bits of what comes out are the same."""
    wide = isinstance(fmt, Integer) and not fmt.signed and 8 < fmt.bits <= 32
    return INT64 if wide else fmt


def joined(*formats: Format) -> Format:
    """The format in which arguments of these are computed with. Raises E402 where there is none."""
    found = _computable(formats[0])
    for each in formats[1:]:
        found = _pair(found, _computable(each))
    return found


def _computable(fmt: Format) -> Format:
    return FLOAT32 if isinstance(fmt, Float) and fmt.bits == 8 else fmt


def _pair(a: Format, b: Format) -> Format:
    match a, b:
        case _ if a == b:
            return a
        case (Exact(), Integer() | Bool()) | (Integer() | Bool(), Exact()):
            return EXACT
        case Float(), Float():
            wide = max(a, b, key=lambda f: f.bits)
            return wide if a.bits != b.bits else FLOAT32
        case (Float() as real, Integer() | Bool()) | (Integer() | Bool(), Float() as real):
            return real
        case (Bool(), Integer() as whole) | (Integer() as whole, Bool()):
            return whole
        case Integer(), Integer():
            return _whole(a, b)
    raise _apart(a, b)


def _apart(a: Format, b: Format) -> LegoError:
    hint = "convert one of them first"
    return LegoError(
        "E402", f"{a} and {b} aren't computed with in any one number format", hint=hint
    )


def _whole(a: Integer, b: Integer) -> Integer:
    """The wider of two; of a signed and an unsigned one a signed one that holds both."""
    if any(not each.signed and each.bits > 8 for each in (a, b)):
        raise _apart(a, b)
    if a.signed == b.signed:
        return max(a, b, key=lambda fmt: fmt.bits)
    signed, unsigned = (a, b) if a.signed else (b, a)
    return signed if signed.bits > unsigned.bits else Integer(True, 2 * unsigned.bits)
