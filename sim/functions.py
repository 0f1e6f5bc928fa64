"""Functions of real numbers by additions, multiplications, divisions and square roots alone, in float64.

IEEE 754 says what these give to the last bit, so every device gives the same, unlike its own `exp`.
Relative errors are below 1e-14, of powers below 1e-12 (`erf` beyond 4 is 1, wrong by at most
1.6e-8), so that a result rounded to float32 is the nearest number but for about one argument in a
million. Sine and cosine beyond 2^30 are not a number. Methods: argument reduction to a short
interval, then a power series (Muller, Elementary Functions, 3rd ed., ch. 3 and 11).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from lego.ir.operation import Fn

__all__ = ["EXACT_FUNCTIONS"]

LN2_HIGH = float.fromhex("0x1.62e42fefap-1")  # 33 bits, so that multiples up to 2^20 are exact
LN2_LOW = float(
    Fraction(69314718055994530941723212145818, 10**32) - Fraction(LN2_HIGH)
)  # ln 2 to 32 digits
_HALF_PI = Fraction(
    1570796326794896619231321691639751442098584699687552910, 10**54
)  # pi / 2 to 54 digits


def _parts(value: Fraction, count: int) -> tuple[float, ...]:
    """A number as a sum of floats of 23 bits, multiples of which up to 2^30 are exact, and a last
    one of 53."""
    found = []
    for _ in range(count - 1):
        scale = 2 ** (22 - math.floor(math.log2(value)))
        found.append(float(Fraction(math.floor(value * scale), scale)))
        value -= Fraction(found[-1])
    return (*found, float(value))


HALF_PI = _parts(_HALF_PI, 5)


def _series(x: Tensor, coefficients: list[Fraction]) -> Tensor:
    """The polynomial by Horner's rule, a product and a sum at a time."""
    total = torch.full_like(x, float(coefficients[-1]))
    for c in reversed(coefficients[:-1]):
        total = total * x
        total = total + float(c)
    return total


def _power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent for integers from -1022 to 1023."""
    return torch.bitwise_left_shift(exponent.long() + 1023, 52).view(torch.float64)


_EXP = [Fraction(1, math.factorial(k)) for k in range(15)]


def _exp(x: Tensor) -> Tensor:
    """e^x = 2^n e^r with |r| <= ln 2 / 2."""
    x = x.clamp(-746.0, 710.0)
    n = torch.round(x * (1 / math.log(2)))
    rest = x - n * LN2_HIGH
    rest = rest - n * LN2_LOW
    half = torch.floor(n.nan_to_num() * 0.5)
    found = _series(rest, _EXP) * _power_of_two(half)
    return found * _power_of_two(n.nan_to_num() - half)


_LOG = [Fraction(2, 2 * k + 1) for k in range(13)]


def _log(x: Tensor) -> Tensor:
    """log of m 2^e with sqrt(1/2) <= m < sqrt(2): e ln 2 + 2 artanh((m - 1) / (m + 1))."""
    small = x < 2.0**-1022
    bits = torch.where(small, x * 2.0**54, x).contiguous().view(torch.int64)
    exponent = torch.bitwise_right_shift(bits, 52) - 1023
    m = ((bits & ((1 << 52) - 1)) | (1023 << 52)).view(torch.float64)
    high = m > math.sqrt(2)
    m = torch.where(high, m * 0.5, m)
    e = (exponent + high.long() - 54 * small.long()).double()
    s = (m - 1) / (m + 1)
    low = s * _series(s * s, _LOG) + e * LN2_LOW
    found = e * LN2_HIGH + low
    found = torch.where(x == 0, -torch.inf, found)
    found = torch.where(x == torch.inf, torch.inf, found)
    return torch.where((x < 0) | x.isnan(), torch.nan, found)


_TANH = [Fraction(1), Fraction(-1, 3), Fraction(2, 15), Fraction(-17, 315), Fraction(62, 2835)]


def _tanh(x: Tensor) -> Tensor:
    """(e^2|x| - 1) / (e^2|x| + 1) with the sign of x; its series where that would cancel."""
    grown = _exp(2 * x.abs().clamp(max=50.0))
    found = (grown - 1) / (grown + 1)
    found = torch.where(x < 0, -found, found)
    return torch.where(x.abs() < 2.0**-6, x * _series(x * x, _TANH), found)


def _sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + _exp(-x))


_ERF_TERMS = 61


def _erf(x: Tensor) -> Tensor:
    """2 / sqrt(pi) e^(-x^2) sum of (2 x^2)^n x / (2n + 1)!!, whose terms are all of one sign; 1 beyond 4."""
    inside = x.clamp(-4.0, 4.0)
    square = inside * inside
    total = torch.ones_like(square)
    for n in range(_ERF_TERMS, 0, -1):
        total = total * (square * (2 / (2 * n + 1)))
        total = total + 1
    found = (2 / math.sqrt(math.pi)) * _exp(-square) * total * inside
    return torch.where(x.abs() > 4, torch.sign(x), found)


_SIN = [Fraction((-1) ** k, math.factorial(2 * k + 1)) for k in range(10)]
_COS = [Fraction((-1) ** k, math.factorial(2 * k)) for k in range(10)]


def _turned(x: Tensor, quarter: int) -> Tensor:
    """sin(x + quarter * pi / 2): a quarter n and a rest within pi / 4 of it."""
    n = torch.round(x * (2 / math.pi))
    rest = x
    for part in HALF_PI:
        rest = rest - n * part
    square = rest * rest
    which = torch.remainder(n + quarter, 4)
    odd = torch.remainder(which, 2) == 1
    found = torch.where(odd, _series(square, _COS), rest * _series(square, _SIN))
    found = torch.where(which >= 2, -found, found)
    return torch.where(x.abs() <= 2.0**30, found, torch.nan)


def _sin(x: Tensor) -> Tensor:
    return torch.where(x == 0, x, _turned(x, 0))  # of -0 too


def _cos(x: Tensor) -> Tensor:
    return _turned(x, 1)


def _rsqrt(x: Tensor) -> Tensor:
    return 1 / torch.sqrt(x)


def _pow(a: Tensor, b: Tensor) -> Tensor:
    """e^(b log |a|), negated for negative a (-0 too) and odd b; small whole exponents by
    multiplication. At infinities and zeros as C's `pow` (ISO C, F.10.4.4)."""
    if b.numel() == 1 and float(b) in (1.0, 2.0, 3.0, 4.0):
        found = a
        for _ in range(int(b) - 1):
            found = found * a
        return found
    if b.numel() == 1 and float(b) in (0.5, -0.5):
        root = torch.sqrt(a)
        return root if float(b) > 0 else 1 / root
    a, b = torch.broadcast_tensors(a, b)
    found = _exp(b * _log(a.abs()))
    found = torch.where(torch.signbit(a) & (torch.remainder(b, 2) == 1), -found, found)
    found = torch.where((a < 0) & a.isfinite() & (b != torch.floor(b)), torch.nan, found)
    one = (b == 0) | (a == 1) | ((a == -1) & b.isinf())
    return torch.where(one, torch.ones_like(found), found)


def _rounded(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function in float64, rounded once to the operands' common format (float32 for integers,
    whose powers are integers)."""

    def computed(*args: Tensor) -> Tensor:
        kind = args[0].dtype
        for arg in args[1:]:
            kind = torch.promote_types(kind, arg.dtype)
        if not kind.is_floating_point and function is _pow:
            return torch.pow(*args)
        kind = kind if kind.is_floating_point else torch.float32
        return function(*(arg.double() for arg in args)).to(kind)

    return computed


EXACT_FUNCTIONS: dict[Fn, Callable[..., Tensor]] = {
    fn: _rounded(function)
    for fn, function in {
        Fn.EXP: _exp,
        Fn.LOG: _log,
        Fn.SQRT: torch.sqrt,
        Fn.RSQRT: _rsqrt,
        Fn.TANH: _tanh,
        Fn.ERF: _erf,
        Fn.SIGMOID: _sigmoid,
        Fn.SIN: _sin,
        Fn.COS: _cos,
        Fn.POW: _pow,
    }.items()
}
"""The functions whose bits PyTorch leaves to the device."""
