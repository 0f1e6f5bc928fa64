"""Small linear systems and affine forms against brute force."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lego.bind.linear import injective, least_residue, reach, solve, told

small = st.integers(-3, 3)


@given(st.data())
def test_solutions_are_those_that_exist(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 3))
    matrix = [[data.draw(small) for _ in range(rows)] for _ in range(columns)]
    right = [data.draw(small) for _ in range(rows)]
    free = [data.draw(small) for _ in range(columns)]
    found = solve(matrix, right, free)
    if found is None:  # then no small integers do, either
        for values in itertools.product(range(-4, 5), repeat=columns):
            total = [
                sum(v * c[i] for v, c in zip(values, matrix, strict=True)) for i in range(rows)
            ]
            assert total != right
    else:
        total = [sum(v * c[i] for v, c in zip(found, matrix, strict=True)) for i in range(rows)]
        assert total == right


@given(st.data())
def test_injective_forms(data: st.DataObject) -> None:
    rank, n = data.draw(st.integers(1, 2)), data.draw(st.integers(0, 3))
    columns = [tuple(data.draw(small) for _ in range(rank)) for _ in range(n)]
    counts = [data.draw(st.integers(1, 4)) for _ in range(n)]
    values = [
        tuple(sum(x * c[i] for x, c in zip(at, columns, strict=True)) for i in range(rank))
        for at in itertools.product(*map(range, counts))
    ]
    assert injective(columns, counts) == (len(set(values)) == len(values))


@given(st.data())
def test_what_a_form_tells(data: st.DataObject) -> None:
    rank, n = data.draw(st.integers(1, 2)), data.draw(st.integers(0, 3))
    columns = tuple(tuple(data.draw(small) for _ in range(rank)) for _ in range(n))
    counts = tuple(data.draw(st.integers(1, 4)) for _ in range(n))
    points = list(itertools.product(*map(range, counts)))
    sums = [
        tuple(sum(x * c[i] for x, c in zip(at, columns, strict=True)) for i in range(rank))
        for at in points
    ]
    pairs = [
        (x, y)
        for (x, a), (y, b) in itertools.product(zip(points, sums, strict=True), repeat=2)
        if a == b
    ]
    assert told(columns, counts) == tuple(all(x[k] == y[k] for x, y in pairs) for k in range(n))


@given(st.lists(st.tuples(small, st.integers(1, 4)), max_size=3))
def test_reach_of_a_form(terms: list[tuple[int, int]]) -> None:
    points = itertools.product(*(range(n) for _, n in terms))
    values = [sum(a * x for (a, _), x in zip(terms, at, strict=True)) for at in points]
    assert reach([a for a, _ in terms], [n for _, n in terms]) == (min(values), max(values))


@given(st.integers(-50, 50), st.integers(1, 9))
def test_least_residues(value: int, modulus: int) -> None:
    least = min(
        (x for x in range(-9, 10) if (x - value) % modulus == 0), key=lambda x: (abs(x), -x)
    )
    assert least_residue(value, modulus) == least
