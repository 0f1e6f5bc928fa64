"""Arithmetic of formulas: expressions are for numbers what the functions give for these numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Expr, Integer, Max, Min, Piecewise, Sum

from lego.ir.closed import (
    ceil_div,
    each,
    every,
    floor_div,
    maximum,
    minimum,
    modulo,
    select,
    summed,
    symbol,
    symbolic,
)

M, N = symbol("m"), symbol("n", least=0)

numbers = st.integers(1, 60)
factors = st.integers(-9, 9)
divisors = st.integers(1, 9)
terms = st.lists(st.tuples(factors, factors, st.integers(-20, 20)), min_size=1, max_size=4)


def at(value: Expr, m: int, n: int) -> int:
    return int(Integer(1) * value.subs({M: m, N: n}))


@given(factors, factors, factors, divisors, numbers, numbers)
@settings(deadline=None)
def test_roundings(a: int, b: int, c: int, by: int, m: int, n: int) -> None:
    closed, value = a * M + b * N + c, a * m + b * n + c
    for function in (ceil_div, floor_div, modulo):
        found = function(closed, by)
        assert at(found, m, n) == function(value, by)
    assert at(floor_div(closed, -by), m, n) == value // -by
    assert ceil_div(value, by) == math.ceil(value / by)


@given(terms, divisors, numbers, numbers)
@settings(deadline=None, max_examples=30)
def test_extremes(lines: list[tuple[int, int, int]], by: int, m: int, n: int) -> None:
    """Values that are dropped as never least, or never largest, are so."""
    for rounded in (ceil_div, floor_div):
        closed = [a * rounded(M, by) + b * N + c for a, b, c in lines] + [M]
        values = [a * rounded(m, by) + b * n + c for a, b, c in lines] + [m]
        assert at(minimum(*closed), m, n) == minimum(*values) == min(values)
        assert at(maximum(*closed), m, n) == maximum(*values) == max(values)


@given(st.integers(-9, 9), numbers, numbers)
@settings(deadline=None)
def test_choices(low: int, m: int, n: int) -> None:
    assert at(select(low < M - N, M, N), m, n) == select(m - n > low, m, n)
    both = every([low < M, N > 2])
    assert at(select(both, M, -N), m, n) == select(every([m > low, n > 2]), m, -n)


@given(factors, st.sampled_from([2, 4, 6, 10, 12]), st.integers(-3, 3), numbers, numbers)
@settings(deadline=None)
def test_roundings_of_even_choices(a: int, by: int, more: int, m: int, n: int) -> None:
    """Sympy 1.14 takes ``even / 6`` for an integer."""
    for function in (ceil_div, floor_div):
        for pick in (minimum, maximum, lambda x, y: select(x > y, x, y + 2)):
            found = function(pick(2 * a * M, 2 * N + 4) + more, by)
            assert at(found, m, n) == function(pick(2 * a * m, 2 * n + 4) + more, by)


@given(st.integers(0, 6), st.integers(0, 6), numbers)
@settings(deadline=None)
def test_sums(first: int, second: int, m: int) -> None:
    k, j = symbol("_t0", least=0), symbol("_t1", least=0)
    body = summed(M * k + j, [(k, first), (j, second)])
    wanted = sum(m * a + b for a in range(first) for b in range(second))
    assert body.subs(M, m).doit() == wanted
    assert summed(M, []) is M


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (minimum(M, 16 * ceil_div(M, 16)), "m"),  # a multiple that is rounded up is no less
        (maximum(0, M), "m"),
        (maximum(1, M), "m"),
        (maximum(0, ceil_div(M, 4) - 1), "ceiling(m/4) - 1"),
        (maximum(0, N - 1), "Max(0, n - 1)"),  # n may be 0
        (minimum(M, 15 * ceil_div(M, 16)), "Min(m, 15*ceiling(m/16))"),
        (maximum(M, 16 * floor_div(M, 16)), "m"),
        (minimum(M, M), "m"),
    ],
)
def test_what_is_never_taken_is_dropped(value: Expr, shown: str) -> None:
    assert str(value) == shown


def test_numbers_stay_numbers() -> None:
    found = (ceil_div(7, 2), floor_div(-7, 2), modulo(-1, 8), minimum(3, 2), select(True, 1, 2))
    assert found == (4, -4, 7, 2, 1)
    assert all(type(value) is int for value in found)
    assert not symbolic(*found)
    assert symbolic(1, M)


def test_a_change_reaches_every_case() -> None:
    cases = select(M > 2, M, 0)
    assert each(cases, lambda case: case + 1) == Piecewise((M + 1, M > 2), (1, True))
    assert each(M, lambda case: case + 1) == M + 1
    assert each(4, lambda case: case + 1) == 5


def test_kinds() -> None:
    assert isinstance(minimum(M, N), Min)
    assert isinstance(maximum(M, N), Max)
    assert isinstance(summed(M, [(N, 3)]), Sum)
