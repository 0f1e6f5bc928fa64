"""Closed forms as short as they are known to be, and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from sympy import (
    Add,
    Expr,
    Integer,
    Max,
    Min,
    Mod,
    Mul,
    Piecewise,
    Symbol,
    ceiling,
    expand,
    floor,
    ilcm,
    sympify,
)
from sympy.printing.str import StrPrinter

__all__ = ["quotient", "shortest", "text_of", "within"]

Range = tuple[Expr, Expr]
ROUNDED = (ceiling, floor, Max, Min)


def within(value: Expr | int, ranges: Mapping[Symbol, tuple[int, int]]) -> Expr:
    """A value without remainders that change nothing while its symbols lie in these ranges."""

    def kept(dividend: Expr, divisor: Expr) -> Expr:
        found = _range(dividend, ranges)
        inside = found and found[0] >= 0 and found[1] < divisor
        return dividend if inside else Mod(dividend, divisor, evaluate=False)

    return sympify(value).replace(Mod, kept)


def _range(value: Expr, ranges: Mapping[Symbol, tuple[int, int]]) -> Range | None:
    """Numbers between which a value lies; None if that isn't seen."""
    if value.is_Symbol or value.is_Number:
        low, high = ranges[value] if value.is_Symbol else (value, value)
        return sympify(low), sympify(high)
    if isinstance(value, Mod):
        return Integer(0), value.args[1] - 1
    if isinstance(value, Piecewise):
        cases = _ranges([case for case, _ in value.args], ranges)
        return (min(low for low, _ in cases), max(high for _, high in cases)) if cases else None
    if not isinstance(value, (Add, Mul, *ROUNDED)):
        return None
    sides = _ranges(value.args, ranges)
    if sides is None:
        return None
    if isinstance(value, Mul):
        corners = [Mul(*corner) for corner in product(*sides)]
        return min(corners), max(corners)
    return value.func(*(low for low, _ in sides)), value.func(*(high for _, high in sides))


def _ranges(values: Sequence[Expr], ranges: Mapping[Symbol, tuple[int, int]]) -> list[Range] | None:
    found = [each for value in values if (each := _range(value, ranges)) is not None]
    return found if len(found) == len(values) else None


def shortest(value: Expr | int) -> Expr:
    """A value with its products multiplied out, if that is shorter."""
    plain = sympify(value)
    if plain.has(Piecewise):
        return plain
    return min(plain, expand(plain), key=lambda each: (len(text_of(each)), text_of(each)))


def quotient(value: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator of what is rounded, both of integers."""
    plain = expand(value)
    below = ilcm(1, *(term.as_coeff_Mul()[0].q for term in Add.make_args(plain)))
    return expand(below * plain), Integer(below)


class _Text(StrPrinter):
    """Text with quotients as one would write them."""

    def _print_floor(self, value: Expr) -> str:
        return self._rounded("floor", value.args[0])

    def _print_ceiling(self, value: Expr) -> str:
        return self._rounded("ceiling", value.args[0])

    def _rounded(self, name: str, inner: Expr) -> str:
        above, below = quotient(inner)
        top = self._print(above)
        return f"{name}({top if above.is_Symbol else f'({top})'}/{self._print(below)})"

    def _print_BooleanTrue(self, _: Expr) -> str:  # noqa: N802
        return "_else"


def text_of(value: Expr | int) -> str:
    """The text of a closed form, see :mod:`lego.ir.formulas`."""
    return _Text({"order": "lex"}).doprint(sympify(value))
