"""Closed forms made short: only where nothing changes within the ranges of their symbols."""

from __future__ import annotations

from itertools import product

import pytest
from sympy import Expr, Mul, Rational

from lego.ir.closed import ceil_div, floor_div, maximum, minimum, modulo, select, symbol
from lego.ir.simple import quotient, shortest, text_of, within

M, N = symbol("m"), symbol("n")
RANGES = {M: (1, 9), N: (1, 5)}

VALUES = {
    "m": (modulo(M, 10), "m"),
    "m may be 9": (modulo(M, 9), "Mod(m, 9)"),
    "negative": (modulo(M - 2, 16), "Mod(m - 2, 16)"),
    "product": (modulo(M * N, 46), "m*n"),
    "large product": (modulo(M * N, 45), "Mod(m*n, 45)"),
    "rounded": (modulo(ceil_div(M, 4) * floor_div(N, 2), 8), "ceiling(m/4)*floor(n/2)"),
    "falling": (modulo(20 - M, 32), "-m + 20"),
    "extremes": (modulo(maximum(M, N + 3) + minimum(M, N), 16), "Max(m, n + 3) + Min(m, n)"),
    "cases": (modulo(select(M > 3, M, N), 10), "Piecewise((m, m > 3), (n, _else))"),
    "remainder within": (modulo(modulo(M, 4) + N, 64), "n + Mod(m, 4)"),
}


@pytest.mark.parametrize("name", VALUES)
def test_remainders_that_change_nothing_are_left_out(name: str) -> None:
    value, text = VALUES[name]
    found = within(value, RANGES)
    assert text_of(found) == text
    for m, n in product(range(1, 10), range(1, 6)):
        assert found.subs({M: m, N: n}) == value.subs({M: m, N: n})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3 * M * (N - 1) + 3 * M, "3*m*n"),
        ((M - 1) * (N - 1), "(m - 1)*(n - 1)"),
        (ceil_div(M + N, 3), "ceiling((m + n)/3)"),
        (floor_div(2 * M - 3, 4), "floor((2*m - 3)/4)"),
        (ceil_div(M, 4), "ceiling(m/4)"),
        (7, "7"),
    ],
)
def test_text_is_short(value: Expr, text: str) -> None:
    assert text_of(shortest(value)) == text


def test_quotients_are_of_integers() -> None:
    assert quotient(M / 4 + N / 6 - 1) == (3 * M + 2 * N - 12, 12)
    assert quotient(Mul(Rational(1, 4), M + 1, evaluate=False)) == (M + 1, 4)
    assert quotient(M + 1) == (M + 1, 1)
