"""Digits of banks, column by column, against their definition."""

from __future__ import annotations

import random

from lego.front.bank_use import Form, digits_of
from lego.ir.words import added_steps, digit_column, told_apart

Vector = tuple[int, ...]


def random_form(r: random.Random, rank: int) -> Form:
    counts = tuple(r.choice([1, 1, 2, 3, 4]) for _ in range(rank))
    gcds = tuple(r.choice([1, 1, 2]) if n > 1 else 1 for n in counts)
    skews = tuple(tuple(r.choice([0, 0, 1, 2]) for _ in range(rank)) for _ in range(rank))
    return Form(counts, gcds, skews)


def digits(form: Form, place: Vector) -> Vector:
    return tuple(d % n for d, n in zip(digits_of(place, form), form.counts, strict=True))


def test_columns_are_the_digits_of_the_definition() -> None:
    r = random.Random(0)
    for _ in range(300):
        form = random_form(r, rank := r.randint(1, 3))
        places = [tuple(r.randrange(9) for _ in range(rank)) for _ in range(r.randint(1, 8))]
        columns = [digit_column(form, j, places) for j in range(rank)]
        assert list(zip(*columns, strict=True)) == [digits(form, place) for place in places]


def test_places_are_told_apart_if_some_digit_differs() -> None:
    r, outcomes = random.Random(1), set()
    for _ in range(600):
        form = random_form(r, rank := r.randint(1, 3))
        places = [tuple(r.randrange(9) for _ in range(rank)) for _ in range(r.randint(1, 4))]
        dims = [j for j in range(rank) if r.random() < 0.7]
        found = told_apart(form, dims, lambda j: digit_column(form, j, places), len(places))  # noqa: B023
        seen = {tuple(digits(form, place)[j] for j in dims) for place in places}
        assert found == (len(seen) == len(places))
        outcomes.add((found, len(places) > 1, bool(dims)))
    assert outcomes >= {(True, True, True), (False, True, True), (True, False, False)}


def test_skews_add_to_a_digit_what_each_index_moves() -> None:
    time = ((1, 0, 4), (0, 2, 1))
    assert added_steps((0, 3), time) == (0, 6, 3)
    assert added_steps((1, 1), time) == (1, 2, 5)
    assert added_steps((0, 0), time) == (0, 0, 0)
