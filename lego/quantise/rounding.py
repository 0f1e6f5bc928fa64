"""Scaled sums as integers: `(v * m + h + b * r) >> n`, bounded (Jacob et al., 2018, section 2.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.ir.constants import Constant
from lego.ir.formats import EXACT, INT8, INT16, INT32, Integer
from lego.ir.operation import Apply, Body, Fn, Value
from lego.quantise.access import Array

__all__ = ["MOST_SHIFT", "Rounding", "bounds_of", "rounding", "rounding_body"]

MOST_SHIFT = 31


@dataclass(frozen=True, slots=True, eq=False)
class Rounding:
    """The integers of a rounding to the nearest.

    Attributes
    ----------
    multiplier : m, in int16, an axis per loop.
    offset : h, in int32: the scaled constants and 2^(n - 1).
    second : r, in the format asked for; 0 without a second stream.
    shift : n, from 0 to 31.
    """

    multiplier: NDArray[np.int64]
    offset: NDArray[np.int64]
    second: int
    shift: int


def rounding(
    factor: Array, offset: Array, second: float, residual: Integer = INT32
) -> Rounding | None:
    """With the largest shift that the formats allow, given in steps of the result; None if there is none.

    `residual` is the format of r.
    """
    for shift in range(MOST_SHIFT, -1, -1):
        half = (1 << shift) >> 1
        m, h, r = (np.rint(np.asarray(x) * 2.0**shift) for x in (factor, offset, second))
        if _fits(m, INT16) and _fits(h + half, INT32) and _fits(r, residual):
            return Rounding(m.astype(np.int64), h.astype(np.int64) + half, int(r), shift)
    return None


def _fits(values: Array, fmt: Integer) -> bool:
    return bool((values >= fmt.low).all() and (values <= fmt.high).all())


def bounds_of(low: float, high: float, scale: float) -> tuple[int, int]:
    """Bounds in steps of a scale, within a byte."""
    ends = (
        INT8.low if low == -math.inf else low / scale,
        INT8.high if high == math.inf else high / scale,
    )
    found = [round(min(max(end, INT8.low), INT8.high)) for end in ends]
    return found[0], found[1]


def rounding_body(
    multiplier: Body, offset: Body, second: tuple[Value, int] | None, shift: int, bounds: Sequence[int]
) -> Body:  # fmt: skip
    """Of input 0: multiplied, offset, a second input's multiple added, shifted and bounded."""
    body: Body = _exact(Fn.MUL, Value(0, EXACT), multiplier)
    body = _exact(Fn.ADD, body, offset)
    if second is not None:
        stream, factor = second
        body = _exact(Fn.ADD, body, _exact(Fn.MUL, stream, Constant(factor, EXACT)))
    body = _exact(Fn.SHIFT, body, Constant(shift, EXACT))
    low, high = (Constant(end, EXACT) for end in bounds)
    return _exact(Fn.MAX, low, _exact(Fn.MIN, high, body))


def _exact(fn: Fn, *args: Body) -> Apply:
    return Apply(fn, args, EXACT)
