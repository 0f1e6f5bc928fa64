"""Counting pairs of timestamps and places: as one by one, and closed forms as at numbers."""

from __future__ import annotations

import random
from itertools import product

import pytest

from lego.front.counting import Test as Limit
from lego.front.counting import count
from lego.ir.closed import ceil_div, symbol
from lego.ir.formulas import evaluated
from lego.ir.simple import text_of


def one_by_one(tests: list[Limit[int]], trips: list[int], places: list[tuple[int, ...]]) -> int:
    def holds(test: Limit[int], t: tuple[int, ...], place: tuple[int, ...]) -> bool:
        return sum(a * x for a, x in zip(test.time, t, strict=True)) + test.at(place) < test.limit

    return sum(
        all(holds(test, t, place) for test in tests)
        for t in product(*map(range, trips))
        for place in places
    )


@pytest.mark.parametrize("seed", range(40))
def test_random_limits(seed: int) -> None:
    r = random.Random(seed)
    counters, axes = r.randint(1, 3), r.randint(1, 2)
    places = list(product(*(range(r.randint(1, 3)) for _ in range(axes))))
    if r.random() < 0.5:
        places = sorted(r.sample(places, r.randint(1, len(places))))
    limits = r.choices(range(-4, 12), k=r.randint(0, 3))
    rows = [
        (
            tuple(r.choice([0, 0, 1, -1, 2, 3]) for _ in range(counters)),
            tuple(r.choice([0, 1, 1, -2]) for _ in range(axes)),
        )
        for _ in limits
    ]
    names = [symbol(f"n{k}") for k in range(counters)]
    least = [symbol(f"l{k}") for k in range(len(limits))]
    shifted = [Limit(*row, limit - 6) for row, limit in zip(rows, least, strict=True)]
    closed = text_of(count(shifted, names, places))
    for _ in range(4):
        trips = [r.randint(1, 4) for _ in names]
        numbers = [r.randint(1, 16) for _ in limits]
        tests = [Limit(*row, number - 6) for row, number in zip(rows, numbers, strict=True)]
        wanted = one_by_one(tests, trips, places)
        assert count(tests, trips, places) == wanted
        values = {f"n{k}": trip for k, trip in enumerate(trips)}
        values |= {f"l{k}": number for k, number in enumerate(numbers)}
        assert evaluated(closed, values) == wanted, closed


M, N = symbol("m"), symbol("n")
SQUARE = list(product(range(4), range(4)))


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        ([], "16*ceiling(m/4)*ceiling(n/4)"),
        ([Limit((4, 0), (1, 0), M), Limit((0, 4), (0, 1), N)], "m*n"),
        ([Limit((4, 0), (1, 0), M)], "4*m*ceiling(n/4)"),
        ([Limit((1, 0), (0, 0), 2)], "16*ceiling(n/4)*Min(2, ceiling(m/4))"),
        ([Limit((0, 0), (0, 0), M - 3)], None),
    ],
)
def test_closed_forms(tests: list[Limit[object]], text: str | None) -> None:
    found = text_of(count(tests, [ceil_div(M, 4), ceil_div(N, 4)], SQUARE))
    assert text is None or found == text
    assert ("Piecewise" in found) == (text is None)


def test_many_places_are_a_sum() -> None:
    line = [(k, 0) for k in range(8)]
    found = text_of(count([Limit((3,), (1, 1), M)], [N], line))
    assert found.startswith("Sum(")
    assert found.endswith(", (_s0, 0, 7))")
    found = text_of(count([Limit((3,), (1, 2), M)], [N], SQUARE))
    assert found.endswith(", (_s0, 0, 3), (_s1, 0, 3))")
