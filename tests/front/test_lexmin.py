"""The least point of a set, also where isl refuses to find it at once."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import islpy as isl
from hypothesis import given, settings
from hypothesis import strategies as st

from lego.front.lexmin import least_point

BOX = range(-3, 4)
coefficients = st.lists(st.integers(-3, 3), min_size=4, max_size=4)


@given(coefficients, coefficients)
@settings(max_examples=100, deadline=None)
def test_the_least_point_is_that_of_all_points(equal: list[int], least: list[int]) -> None:
    """Of a box, a plane and a half-space, with lexmin and without."""
    (a, b, c, d), (e, f, g, h) = equal, least
    found = isl.Set(
        f"{{ [x, y, z] : -3 <= x, y, z <= 3 and {a}x + {b}y + {c}z = {d} and {e}x + {f}y + {g}z >= {h} }}"
    )
    points = [
        (x, y, z)
        for x, y, z in itertools.product(BOX, repeat=3)
        if a * x + b * y + c * z == d and e * x + f * y + g * z >= h
    ]
    expected = min(points, default=None)
    assert least_point(found) == expected
    with patch.object(isl.Set, "lexmin", side_effect=isl.Error("refused")):
        assert least_point(found) == expected
