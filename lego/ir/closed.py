"""Arithmetic of which formulas are made: on integers it gives integers, on sympy's symbols exact expressions.

A formula is written once. With numbers of iterations it counts; with a symbol per loop it tells how the count
follows from the loops' bounds. Symbols stand for integers of at least 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "Number",
    "cases",
    "ceil_div",
    "each",
    "every",
    "floor_div",
    "maximum",
    "minimum",
    "modulo",
    "select",
    "summed",
    "symbol",
    "symbolic",
]

Number = TypeVar("Number", int, "Expr")
"""An integer, or an expression that stands for one."""


def symbol(name: str, least: int = 1) -> Expr:
    """An integer of at least 0 or 1 that isn't known yet."""
    from sympy import Symbol

    return Symbol(name, integer=True, **{"positive" if least else "nonnegative": True})


def symbolic(*values: object) -> bool:
    """Whether one of the values is an expression."""
    return any(hasattr(value, "free_symbols") for value in values)


def ceil_div(value: Number, by: int) -> Number:
    """The least integer that isn't below ``value / by``, of a positive `by`."""
    if not symbolic(value):
        return -(-value // by)
    from sympy import Rational, ceiling

    return ceiling(value * Rational(1, by))


def floor_div(value: Number, by: int) -> Number:
    """The largest integer that isn't above ``value / by``, of a `by` that isn't 0."""
    if not symbolic(value):
        return value // by
    from sympy import Rational, floor

    return floor(value * Rational(1, by))


def modulo(value: Number, by: int) -> Number:
    """What is left of a value, from 0 to ``by - 1``."""
    if not symbolic(value):
        return value % by
    from sympy import Mod, sympify

    return Mod(value, by, evaluate=sympify(value).is_number)


def minimum(*values: Number) -> Number:
    """The least value."""
    if not symbolic(*values):
        return min(values)
    from sympy import Min

    return _extreme(Min, values, 1)


def maximum(*values: Number) -> Number:
    """The largest value."""
    if not symbolic(*values):
        return max(values)
    from sympy import Max

    return _extreme(Max, values, -1)


def select(condition: Expr, yes: Number, no: Number) -> Number:
    """One of two values."""
    if isinstance(condition, bool) or (condition.is_Boolean and not condition.args):
        return yes if condition else no
    return cases((yes, condition), (no, True))


def cases(*pairs: tuple[Expr, Expr]) -> Expr:
    """The first value whose condition holds; the last has the condition True.

    Common factors stand outside, here and in minima and maxima: sympy 1.14 takes a sixth of a value that it
    knows to be even for an integer, and forgets to round it.
    """
    from sympy import Piecewise

    factor, values = _primitive([value for value, _ in pairs])
    conditions = [condition for _, condition in pairs]
    return factor * Piecewise(*zip(values, conditions, strict=True))


def each(value: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """A value changed, in every case of it if it is one of several."""
    if not symbolic(value):
        return change(value)
    from sympy import Piecewise

    factor, rest = value.as_coeff_Mul()
    if not isinstance(rest, Piecewise):
        return change(value)
    return cases(*((change(factor * case), condition) for case, condition in rest.args))


def every(conditions: Iterable[Expr]) -> Expr:
    """Whether all conditions hold."""
    found = list(conditions)
    if not symbolic(*found):
        return all(found)
    from sympy import And

    return And(*found)


def summed(body: Expr, ranges: Sequence[tuple[Expr, Number]]) -> Expr:
    """The sum of `body` over variables from 0 to below their ends."""
    if not ranges:
        return body
    from sympy import Sum

    return Sum(body, *((variable, 0, end - 1) for variable, end in ranges))


def _extreme(kind: type[Expr], values: Sequence[Expr], sign: int) -> Expr:
    kept = _undominated(values, sign)
    if len(kept) == 1:
        return kept[0]
    factor, rest = _primitive(kept)
    return factor * kind(*rest, evaluate=False)


def _primitive(values: Sequence[Expr]) -> tuple[int, list[Expr]]:
    """The greatest common factor of all values, and what is left of them."""
    from sympy import expand, sympify

    found = [expand(sympify(value)).primitive() for value in values]
    factor = math.gcd(*(int(content) for content, _ in found))
    if factor < 2:
        return 1, list(values)
    return factor, [content / factor * rest for content, rest in found]


def _undominated(values: Sequence[Expr], sign: int) -> list[Expr]:
    """Values without those that another is never above (`sign` 1) or never below (-1)."""
    from sympy import sympify

    kept: list[Expr] = []
    for value in dict.fromkeys(map(sympify, values)):
        if not any(_natural(sign * (value - each)) for each in kept):
            kept = [each for each in kept if not _natural(sign * (each - value))]
            kept.append(value)
    return kept


def _natural(value: Expr) -> bool:
    """Whether a difference is seen to be at least 0, as it is or with roundings replaced by what they are
    at least. Cases aren't looked into."""
    from sympy import Piecewise, expand

    if value.has(Piecewise):
        return False
    terms = expand(value).as_ordered_terms()
    return _adds_naturals(terms) or _adds_naturals([_least(term) for term in terms])


def _least(term: Expr) -> Expr:
    """What a number of times a rounded value is at least; other terms as they are."""
    from sympy import ceiling, floor

    factor, rest = term.as_coeff_Mul()
    if not isinstance(rest, ceiling | floor):
        return term
    up = isinstance(rest, ceiling)
    return factor * (rest.args[0] + (up - 1 if factor > 0 else int(up)))


def _adds_naturals(terms: Sequence[Expr]) -> bool:
    """Whether no term is negative, once what is positive is written as one more than a natural number."""
    from sympy import Dummy, Symbol, ceiling, expand

    total = sum(terms)
    known = [each for each in total.atoms(Symbol, ceiling) if each.is_positive]
    rises = {each: Dummy(nonnegative=True) + 1 for each in known}
    return all(term.is_nonnegative for term in expand(total.xreplace(rises)).as_ordered_terms())
