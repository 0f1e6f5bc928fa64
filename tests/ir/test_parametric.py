"""Largest indices over domains with symbols as bounds are those at every bound."""

from __future__ import annotations

from itertools import product

import pytest

from lego.ir.closed import symbol
from lego.ir.domain import Inequality, largest_index

CASES = {
    "triangle": ((1, 1), [((-1, 1), 1)]),
    "band": ((-1, 1), [((-1, 1), 3), ((1, -1), 3)]),
    "diagonal": ((2, -3), [((1, 1), 6)]),
    "halves": ((0, 1), [((-1, 2), 3)]),
    "thirds": ((1, 2), [((3, -2), 1), ((1, 3), 9)]),
    "never at small bounds": ((1, 0), [((-1, -1), -3)]),
}


@pytest.mark.parametrize("name", CASES)
def test_values_at_bounds(name: str) -> None:
    row, cuts = CASES[name]
    domain = [Inequality(*each) for each in cuts]
    names = symbol("i"), symbol("j")
    found = largest_index(row, names, domain, 77)
    for bounds in product(range(1, 8), repeat=2):
        values = [
            sum(a * x for a, x in zip(row, point, strict=True))
            for point in product(*map(range, bounds))
            if all(each.holds(point) for each in domain)
        ]
        wanted = max(values, default=77)
        assert largest_index(row, bounds, domain, 77) == wanted
        assert found.subs(dict(zip(names, bounds, strict=True))) == wanted, bounds


def test_boxes_need_no_cases() -> None:
    i, j = symbol("i"), symbol("j")
    assert str(largest_index((2, -1), (i, j), (), 0)) == "2*i - 2"
