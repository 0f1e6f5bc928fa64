"""Functions of one byte, evaluated for all its values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

from lego.ir.constants import Constant
from lego.ir.formats import UINT8, Bool, Exact, Float, Format
from lego.ir.intervals import Interval
from lego.ir.operation import Apply, Body, Fn
from lego.ir.vector.chain import BYTE, TABLE_ENTRIES, is_inside

__all__ = ["Tabulated", "tabulated"]


@dataclass(frozen=True, slots=True)
class Tabulated:
    """Entries by the low byte of what is looked up, and the interval of those that can be met."""

    entries: tuple[int, ...]
    span: Interval


def tabulated(body: Body, inner: Body, span: Interval) -> Tabulated | None:
    """The body as a table of one part of it, whose interval is known; None if it isn't one of bytes."""
    if not (is_inside(span, BYTE) or is_inside(span, (0, UINT8.high))):
        return None
    try:
        values = {v: _value(body, inner, v) for v in range(span[0], span[1] + 1)}
    except _NotTabulatedError:
        return None
    reach = min(values.values()), max(values.values())
    if not is_inside(reach, BYTE):
        return None
    entries = [0] * TABLE_ENTRIES
    for v, value in values.items():
        entries[v & 255] = value
    return Tabulated(tuple(entries), reach)


class _NotTabulatedError(Exception):
    """The body isn't a function of that part and constants, in integers."""


_FUNCTIONS: dict[Fn, Callable[..., int]] = {
    Fn.ADD: operator.add,
    Fn.SUB: operator.sub,
    Fn.MUL: operator.mul,
    Fn.MAX: max,
    Fn.MIN: min,
    Fn.NEG: operator.neg,
    Fn.ABS: abs,
    Fn.CAST: int,
    Fn.LT: operator.lt,
    Fn.LE: operator.le,
    Fn.EQ: operator.eq,
    Fn.NOT: lambda a: a == 0,
    Fn.AND: lambda a, b: a != 0 and b != 0,
    Fn.OR: lambda a, b: a != 0 or b != 0,
    Fn.WHERE: lambda condition, a, b: a if condition else b,
}


def _value(body: Body, inner: Body, v: int) -> int:
    """The body where the inner part is `v`."""
    if body == inner:
        return v
    match body:
        case Constant(int(value)):
            return value
        case Apply(Fn.SHL | Fn.SHIFT as fn, (left, right), fmt):
            return _shifted(fn, _value(left, inner, v), _value(right, inner, v), fmt)
        case Apply(fn, args, fmt) if fn in _FUNCTIONS:
            return _wrapped(_FUNCTIONS[fn](*(_value(arg, inner, v) for arg in args)), fmt)
    raise _NotTabulatedError


def _shifted(fn: Fn, value: int, by: int, fmt: Format) -> int:
    if not 0 <= by < 64:
        raise _NotTabulatedError
    return _wrapped(value << by if fn is Fn.SHL else value >> by, fmt)


def _wrapped(value: int, fmt: Format) -> int:
    """The value in a node's format: low bits where it isn't exact."""
    match fmt:
        case Exact():
            return int(value)
        case Bool():
            return int(value != 0)
        case Float():
            raise _NotTabulatedError
    low = value & (1 << fmt.bits) - 1
    return low - (1 << fmt.bits) if low > fmt.high else low
