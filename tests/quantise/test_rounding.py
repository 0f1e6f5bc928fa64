"""Roundings in integers against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.ir.constants import Constant
from lego.ir.formats import EXACT, INT16, INT32
from lego.ir.operation import Value
from lego.quantise.rounding import bounds_of, rounding, rounding_body
from sim.reference import evaluate

FACTORS = st.floats(1e-7, 100).flatmap(lambda x: st.sampled_from([x, -x]))


@given(st.lists(FACTORS, min_size=1, max_size=4), st.floats(-300, 300), st.floats(-4, 4), st.data())
def test_rounds_to_the_nearest(
    factors: list[float], add: float, by: float, data: st.DataObject
) -> None:
    """Within half a step, and what the rounded constants make of it."""
    found = rounding(np.array(factors), np.array([add]), by)
    assert found is not None
    assert INT16.low <= found.multiplier.min() <= found.multiplier.max() <= INT16.high
    assert INT32.low <= found.offset.min() <= found.offset.max() <= INT32.high
    unit = Fraction(1, 1 << found.shift)
    for factor, m in zip(factors, found.multiplier.tolist(), strict=True):
        v, b = data.draw(st.integers(-20000, 20000)), data.draw(st.integers(-128, 127))
        got = (v * m + int(found.offset[0]) + b * found.second) >> found.shift
        want = v * Fraction(factor) + Fraction(add) + b * Fraction(by)
        assert abs(got - want) <= Fraction(1, 2) + (abs(v) + 1 + abs(b)) * unit / 2


@given(FACTORS, st.floats(-300, 300))
def test_the_shift_is_the_largest(factor: float, add: float) -> None:
    found = rounding(np.array([factor]), np.array([add]), 0.0)
    assert found is not None
    more = found.shift + 1
    m, h = factor * 2.0**more, add * 2.0**more + 2.0**more / 2
    assert more > 31 or abs(m) > INT16.high - 1 or not -(2.0**31) <= h <= 2.0**31 - 1


def test_a_narrow_second_factor_has_a_smaller_shift() -> None:
    wide, narrow = (rounding(np.array([0.001]), np.zeros(1), 1.5, f) for f in (INT32, INT16))
    assert wide is not None
    assert narrow is not None
    assert (wide.shift, narrow.shift, narrow.second) == (24, 14, 24576)


def test_what_is_too_large_has_none() -> None:
    assert rounding(np.array([40000.0]), np.zeros(1), 0.0) is None
    assert rounding(np.ones(1), np.array([3e9]), 0.0) is None
    assert rounding(np.ones(1), np.zeros(1), 3e9) is None


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        (-math.inf, math.inf, (-128, 127)),
        (0.0, 6.0, (0, 60)),
        (0.0, 600.0, (0, 127)),
        (-1.0, math.inf, (-10, 127)),
    ],
)
def test_bounds(low: float, high: float, bounds: tuple[int, int]) -> None:
    assert bounds_of(low, high, 0.1) == bounds


def test_the_body_does_it() -> None:
    second = (Value(2, EXACT), 5)
    body = rounding_body(Value(1, EXACT), Constant(40, EXACT), second, 4, (-9, 100))
    v, m, b = (np.array(each) for each in ([-500, -7, 30, 900], [3, -2, 5, 7], [9, -9, 1, 0]))
    found = evaluate(body, [v, m, b], [900, 7, 9], [np.arange(4)])
    want = [max(-9, min(100, (x * y + 40 + z * 5) >> 4)) for x, y, z in zip(v, m, b, strict=True)]
    assert found.tolist() == want == [-9, 0, 12, 100]
