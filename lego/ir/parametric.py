"""Largest indices over domains whose loops have symbols as bounds, exactly, by isl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lego.ir.closed import cases

if TYPE_CHECKING:
    import islpy
    from sympy import Expr

__all__ = ["largest_of"]


def largest_of(
    row: Sequence[int],
    extents: Sequence[Expr],
    inequalities: Sequence[tuple[Sequence[int], int]],
    otherwise: int,
) -> Expr:
    """Largest value of ``row . i`` over the points; `otherwise` where there are none.

    An inequality is a pair ``(a, limit)``, and says ``a . i < limit``.
    """
    import islpy as isl

    names = [f"n{k}" for k in range(len(extents))]
    tests = [f"0 <= i{k} < {name}" for k, name in enumerate(names)]
    tests += [f"{_terms(factors)} < {limit}" for factors, limit in inequalities]
    loops = ", ".join(f"i{k}" for k in range(len(extents)))
    inside = f"exists {loops} : v = {_terms(row)} and {' and '.join(tests)}"
    found = isl.Set(f"[{', '.join(names)}] -> {{ [v] : {inside} }}").coalesce()
    context = isl.Set(f"[{', '.join(names)}] -> {{ : {' and '.join(f'{n} >= 1' for n in names)} }}")
    pieces = found.dim_max(0).coalesce().gist(context).get_pieces()
    values = [(_affine(value, extents), _holds(where, extents)) for where, value in pieces]
    if context.is_subset(found.params()):
        return cases(*values[:-1], (values[-1][0], True))
    return cases(*values, (otherwise, True))


def _terms(coefficients: Sequence[int]) -> str:
    return " + ".join(f"{a} i{k}" for k, a in enumerate(coefficients) if a) or "0"


def _holds(where: islpy.Set, extents: Sequence[Expr]) -> Expr:
    """The condition that a set of parameters is."""
    from sympy import And, Eq, Or

    return Or(
        *(
            And(
                *(
                    Eq(_affine(test.get_aff(), extents), 0)
                    if test.is_equality()
                    else _affine(test.get_aff(), extents) >= 0
                    for test in basic.get_constraints()
                )
            )
            for basic in where.compute_divs().get_basic_sets()
        )
    )


def _affine(value: islpy.Aff, extents: Sequence[Expr]) -> Expr:
    """An affine function of the parameters, with floors of such."""
    import islpy as isl
    from sympy import Integer, Rational, floor

    def number(coefficient: islpy.Val) -> Expr:
        return Rational(int(coefficient.get_num_si()), int(coefficient.get_den_val().to_python()))

    total = Integer(0) + number(value.get_constant_val())
    for k in range(value.dim(isl.dim_type.param)):
        total += number(value.get_coefficient_val(isl.dim_type.param, k)) * extents[k]
    for k in range(value.dim(isl.dim_type.div)):
        factor = number(value.get_coefficient_val(isl.dim_type.div, k))
        if factor:
            total += factor * floor(_affine(value.get_div(k), extents))
    return total
