"""Constants of bodies and pads: an integer, a fraction, or the bits of a format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from lego.diag import InternalError
from lego.ir.formats import Exact, Float, Format, Integer

__all__ = ["Bits", "Constant", "Scalar", "constant", "number_of"]


@dataclass(frozen=True, slots=True)
class Bits:
    """What no fraction is: an infinity, a not-a-number or a negative zero, as its format has it."""

    pattern: int


Scalar = int | Fraction | Bits


@dataclass(frozen=True, slots=True)
class Constant:
    """A number of the model or the file, one of its format's: an integer for integers and truth
    values, else a fraction or bits."""

    value: Scalar
    format: Format


def constant(value: float, fmt: Format) -> Constant:
    """The number of a format that is nearest to a value, to even where two are.

    Raises InternalError for an integer that the format doesn't hold, or a fraction that should be one.
    """
    if isinstance(fmt, Float):
        return Constant(_real(value, fmt), fmt)
    if not float(value).is_integer():
        raise InternalError(f"{value} is no integer")
    number = int(value)
    low, high = (fmt.low, fmt.high) if isinstance(fmt, Integer) else (0, 1)
    if not isinstance(fmt, Exact) and not low <= number <= high:
        raise InternalError(f"{value} doesn't fit {fmt}")
    return Constant(number, fmt)


def number_of(given: Constant) -> float:
    """A constant as Python has it, exactly: an int, or a float for floating point."""
    match given.value:
        case int(number):
            return number
        case Fraction() as ratio:
            return float(ratio)
        case Bits(pattern):
            assert isinstance(given.format, Float)  # noqa: S101
            return _special(pattern, given.format)


def _real(value: float, fmt: Float) -> Fraction | Bits:
    """Rounded to nearest, halves to even; beyond the largest number to infinity, or to
    not-a-number where there is none."""
    sign = 1 << (fmt.bits - 1) if math.copysign(1, value) < 0 else 0
    top = ((1 << fmt.exponent) - 1) << fmt.mantissa
    infinity = top | (((1 << fmt.mantissa) - 1) if fmt.finite else 0)
    if math.isnan(value):
        return Bits(infinity | (0 if fmt.finite else 1 << (fmt.mantissa - 1)))
    if math.isinf(value):
        return Bits(sign | infinity)
    exact = abs(Fraction(value))
    exponent = max(_exponent(exact), 1 - fmt.bias) - fmt.mantissa
    steps = round(exact / Fraction(2) ** exponent)  # halves to even
    found = steps * Fraction(2) ** exponent
    if found > _largest(fmt):
        return Bits(sign | infinity)
    if not found and sign:
        return Bits(sign)
    return -found if sign else found


def _exponent(value: Fraction) -> int:
    """Of the leading bit; far below every format's for 0."""
    if not value:
        return -(1 << 20)
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if Fraction(2) ** guess <= value else guess - 1


def _largest(fmt: Float) -> Fraction:
    """The largest number: all bits of the fraction, of a finite format all but the last."""
    missing = 2 if fmt.finite else 1
    fraction = (1 << (fmt.mantissa + 1)) - missing
    return fraction * Fraction(2) ** (fmt.largest - fmt.mantissa)


def _special(pattern: int, fmt: Float) -> float:
    """The bits of an infinity, a not-a-number or a negative zero."""
    sign = -1.0 if pattern >> (fmt.bits - 1) else 1.0
    rest = pattern & ((1 << (fmt.bits - 1)) - 1)
    if not rest:
        return sign * 0.0
    top = ((1 << fmt.exponent) - 1) << fmt.mantissa
    return sign * math.inf if rest == top and not fmt.finite else math.nan
