"""Sequences as affine nests: whatever the greedy finds, expanding gives the sequence back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lego.ir.engines import MOST_TRIPS
from lego.mapping.nests import Integers, Nest, joined, nests_of


def expanded(nests: list[Nest], columns: int, moduli: tuple[int, ...] = ()) -> Integers:
    """The rows of all nests, one by one."""
    found = []
    for nest in nests:
        points = [nest.base]
        for trips, steps in nest.counters:
            points = [
                tuple(x + trip * step for x, step in zip(point, steps, strict=True))
                for point in points
                for trip in range(trips)
            ]
        found += points
    rows = np.array(found, np.int64).reshape(-1, columns)
    for k, modulus in enumerate(moduli):
        if modulus:
            rows[:, k] %= modulus
    return rows


def some_nest(draw: st.DrawFn, columns: int) -> Nest:
    counters = draw(
        st.lists(
            st.tuples(st.integers(2, 4), st.tuples(*[st.integers(-9, 9) for _ in range(columns)])),
            max_size=4,
        )
    )
    return Nest(draw(st.tuples(*[st.integers(0, 20)] * columns)), tuple(counters))


@st.composite
def sequences(draw: st.DrawFn) -> Integers:
    """Nests one behind the other, with rows in between that belong to none."""
    columns = draw(st.integers(1, 3))
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        parts.append(some_nest(draw, columns).rows())
        stray = draw(st.lists(st.tuples(*[st.integers(0, 5)] * columns), max_size=3))
        parts.append(np.array(stray, np.int64).reshape(-1, columns))
    return np.concatenate(parts)


@settings(max_examples=150, deadline=None)
@given(sequences(), st.integers(0, 5), st.sampled_from([0, 2, 16]))
def test_expanding_gives_the_sequence_back(rows: Integers, most: int, modulus: int) -> None:
    moduli = (modulus,) * rows.shape[1]
    nests = nests_of(rows, most, moduli=moduli)
    wanted = rows % modulus if modulus else rows
    assert (expanded(nests, rows.shape[1], moduli) == wanted).all()
    assert (np.concatenate([nest.rows(moduli) for nest in nests]) == wanted).all()
    assert all(len(nest.counters) <= most for nest in nests)
    assert sum(nest.points for nest in nests) == len(rows)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_nest_with_distinct_distances_is_found_whole(data: st.DataObject) -> None:
    """Steps so large that no counter goes on from where another ends, or takes another's step."""
    trips = data.draw(st.lists(st.integers(2, 5), min_size=1, max_size=5))
    steps = [data.draw(st.integers(1, 3)) * 7**k for k in range(len(trips))][::-1]
    (nest,) = nests_of(
        Nest((3,), tuple((t, (s,)) for t, s in zip(trips, steps, strict=True))).rows()[:, 0], 5
    )
    assert nest.points == np.prod(trips)


@pytest.mark.parametrize(
    ("values", "most", "counters"),
    [
        ([5], 3, [()]),
        ([4, 4, 4], 3, [((3, (0,)),)]),
        ([0, 1, 2, 10, 11, 12], 1, [((3, (1,)),), ((3, (1,)),)]),
        ([0, 1, 2, 10, 11, 12], 2, [((2, (10,)), (3, (1,)))]),
        ([9, 0, 1, 2, 10, 11, 12], 2, [(), ((2, (10,)), (3, (1,)))]),
        ([0, 1, 10, 11, 20, 21, 30], 2, [((3, (10,)), (2, (1,))), ()]),
        ([3, 1, 4], 0, [(), (), ()]),
    ],
)
def test_runs_of_equal_steps_become_counters(values: list, most: int, counters: list) -> None:
    found = nests_of(np.array(values), most)
    assert [nest.counters for nest in found] == counters


@pytest.mark.parametrize(
    ("count", "nests"), [(4096, 1), (8192, 1), (5000, 1), (8194, 1), (8209, 2), (4099, 2)]
)
def test_counters_have_at_most_4096_trips(count: int, nests: int) -> None:
    values = 3 * np.arange(count)
    found = nests_of(values, 2)
    assert len(found) == nests
    assert (expanded(found, 1)[:, 0] == values).all()
    assert all(trips <= MOST_TRIPS for nest in found for trips, _ in nest.counters)


def test_columns_with_a_modulus_go_round() -> None:
    turns = np.arange(40) % 16
    assert len(nests_of(turns, 5)) == 2
    (nest,) = nests_of(turns, 5, moduli=(16,))
    assert nest == Nest((0,), ((40, (1,)),))


def test_what_does_not_fit_is_left_apart() -> None:
    values = np.arange(24) // 6 * 100 + np.arange(24) % 6
    (whole,) = nests_of(values, 5)
    apart = nests_of(values, 5, fits=lambda counters: counters[0][0] != 4)
    assert whole.counters == ((4, (100,)), (6, (1,)))
    assert [nest.counters for nest in apart] == [((6, (1,)),)] * 4


@settings(max_examples=80, deadline=None)
@given(sequences(), st.integers(1, 5))
def test_without_an_order_the_rows_are_the_same(rows: Integers, most: int) -> None:
    nests = nests_of(rows, most, ordered=False)
    found = expanded(nests, rows.shape[1])
    assert sorted(found.tolist()) == sorted(rows.tolist())
    assert len(nests) <= len(nests_of(rows, most))


def test_nests_that_alternate_are_brought_together() -> None:
    """The upper and the left edge of images one behind the other."""
    edge = [*range(10), *range(10, 80, 10)]
    values = np.array([80 * k + x for k in range(4) for x in edge])
    assert len(nests_of(values, 5)) == 8
    assert len(nests_of(values, 5, ordered=False)) == 2


def test_no_values_are_no_nests() -> None:
    assert nests_of(np.zeros(0, np.int64), 5) == []


def test_counters_that_go_on_are_one() -> None:
    counters = ((2, (24, 9)), (3, (8, 3)), (4, (2, 7)))
    assert joined(counters, (0,), (0,), 100) == [(24, (2,))]
    assert joined(counters, (0,), (0,), 12) == [(2, (24,)), (12, (2,))]
    assert joined(counters, (1,), (0,), 100) == [(6, (3,)), (4, (7,))]
    assert joined(counters, (1,), (5,), 100) == [(24, (7,))]
    assert joined(counters, (0, 1), (0, 0), 100) == [(6, (8, 3)), (4, (2, 7))]
