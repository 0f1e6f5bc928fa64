"""Interval arithmetic against all values: no interval is too small, and none larger than it must be."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.ir import intervals
from lego.ir.intervals import Interval

INTERVALS = st.tuples(st.integers(-12, 12), st.integers(0, 9)).map(lambda x: (x[0], x[0] + x[1]))


def values(x: Interval) -> range:
    return range(x[0], x[1] + 1)


def around(found: set[int]) -> Interval:
    return min(found), max(found)


@pytest.mark.parametrize(
    ("interval", "value"),
    [
        (intervals.added, lambda a, b: a + b),
        (intervals.subtracted, lambda a, b: a - b),
        (intervals.multiplied, lambda a, b: a * b),
        (intervals.larger, max),
        (intervals.smaller, min),
    ],
)
@given(x=INTERVALS, y=INTERVALS)
def test_two_values(
    interval: Callable[[Interval, Interval], Interval],
    value: Callable[[int, int], int],
    x: Interval,
    y: Interval,
) -> None:
    assert interval(x, y) == around({value(a, b) for a in values(x) for b in values(y)})


@given(INTERVALS)
def test_one_value(x: Interval) -> None:
    assert intervals.negated(x) == around({-a for a in values(x)})
    assert intervals.absolute(x) == around({abs(a) for a in values(x)})


@given(INTERVALS, st.integers(0, 6))
def test_shifted_values(x: Interval, by: int) -> None:
    assert intervals.raised(x, by) == around({a * 2**by for a in values(x)})
    assert intervals.reduced(x, by) == around({a // 2**by for a in values(x)})


@given(st.lists(INTERVALS, min_size=1, max_size=4))
def test_any_of_several(given_: list[Interval]) -> None:
    assert intervals.hull(*given_) == around({a for x in given_ for a in values(x)})
    every = list(itertools.product(*map(values, given_[:3])))
    assert intervals.larger(*given_[:3]) == around({max(each) for each in every})
    assert intervals.smaller(*given_[:3]) == around({min(each) for each in every})
