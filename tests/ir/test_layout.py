"""Where elements lie in banks: every one has a word of its own, within the banks and their rows."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.ir.banking import Banking
from lego.ir.layout import Layout, bank_number, bank_of, moved, word_of


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Dimensions with one bank have gcd 1, and may add to the digits of the others."""
    dims = range(draw(st.integers(1, 4)))
    shape = tuple(draw(st.integers(1, 7)) for _ in dims)
    counts = tuple(draw(st.sampled_from([1, 1, 2, 3, 4])) for _ in dims)
    gcds = tuple(draw(st.integers(1, 3)) if counts[j] > 1 else 1 for j in dims)
    skews = tuple(
        tuple(draw(st.integers(-2, 3)) if counts[j] > 1 and counts[i] == 1 else 0 for i in dims)
        for j in dims
    )
    along = draw(st.sampled_from([-1, *dims]))
    sides = [n for n in range(1, 5) if along < 0 or counts[along] % n == 0]
    wide = draw(st.sampled_from(sides))
    shift = draw(st.integers(0, gcds[along] * wide - 1)) if along >= 0 else 0
    lanes = {"wide": wide, "along": along, "shift": shift}
    banking = Banking(counts, gcds, skews, (0,) * len(shape), fixed=False, **lanes)
    strides, base = banking.strides(shape), draw(st.integers(0, 5))
    return Layout("m", "T", 8, shape, counts, gcds, skews, strides, base, None, **lanes)


def elements(layout: Layout) -> list[tuple[int, ...]]:
    return list(itertools.product(*map(range, layout.shape)))


@given(layouts())
def test_no_two_elements_share_a_word(layout: Layout) -> None:
    places = [(layout.bank(element), layout.word(element)) for element in elements(layout)]
    assert len(set(places)) == len(places)
    banks, words = zip(*places, strict=True)
    assert 0 <= min(banks) <= max(banks) < layout.n_banks
    rows = [
        -(-n // (g * b)) * g
        for n, g, b in zip(
            moved(layout.shape, layout.along, layout.shift),
            layout.gcds,
            layout.bank_counts,
            strict=True,
        )
    ]
    assert layout.base <= min(words) <= max(words) < layout.base + np.prod(rows)


@given(layouts())
def test_many_elements_at_once_lie_where_each_does(layout: Layout) -> None:
    points = np.array(elements(layout), dtype=np.int64).T
    banks = np.broadcast_to(layout.bank(list(points)), points.shape[1])
    words = np.broadcast_to(layout.word(list(points)), points.shape[1])
    assert banks.tolist() == [layout.bank(element) for element in elements(layout)]
    assert words.tolist() == [layout.word(element) for element in elements(layout)]


@given(layouts())
def test_a_macro_has_neighbours_along_one_dimension(layout: Layout) -> None:
    """Their digits differ in that dimension only, by less than the width, and one row has them all."""
    macros: dict[int, list[tuple[int, ...]]] = {}
    for digits in itertools.product(*map(range, layout.bank_counts)):
        bank = bank_number(digits, layout.bank_counts, layout.wide, layout.along)
        assert bank // layout.wide * layout.wide + len(macros.get(bank // layout.wide, ())) == bank
        macros.setdefault(int(bank // layout.wide), []).append(digits)
    for banks in macros.values():
        assert len(banks) == (layout.wide if layout.along >= 0 else 1)
        first = banks[0]
        for lane, digits in enumerate(banks):
            assert tuple(a - b for a, b in zip(digits, first, strict=True)) == tuple(
                lane * (j == layout.along) for j in range(len(digits))
            )


def test_neighbours_lie_in_turn_in_two_banks() -> None:
    found = [(bank_of([d], [2], [1], [[0]]), word_of([d], [2], [1], [1])) for d in range(6)]
    assert found == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]


def test_as_many_neighbours_as_the_gcd_share_a_bank() -> None:
    """With gcd 3 banks change every third element; within a bank the three lie side by side."""
    found = [(bank_of([d], [2], [3], [[0]]), word_of([d], [2], [3], [1])) for d in range(12)]
    assert found == [
        (k, w) for row in range(2) for k in range(2) for w in range(3 * row, 3 * row + 3)
    ]


def test_a_shift_makes_an_element_begin_a_macro() -> None:
    """Element 3 of 8 in macros of 4 banks, of 2 macros: those before it lie at the end of the first."""
    layout = Layout("m", "T", 8, (8,), (8,), (1,), ((0,),), (1,), 0, None, 4, 0, 1)
    assert [(layout.bank([d]), layout.word([d])) for d in range(8)] == [
        *((bank, 0) for bank in range(1, 8)),
        (0, 1),
    ]


def test_skews_turn_the_banks_from_row_to_row() -> None:
    """A diagonal over three banks: rows and columns of a square meet three banks each."""
    place = [
        [bank_of([y, x], [1, 3], [1, 1], [[0, 0], [1, 0]]) for x in range(3)] for y in range(3)
    ]
    assert place == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]


def test_the_last_dimension_is_the_lowest_digit() -> None:
    none = [[0, 0], [0, 0]]
    assert [bank_of([y, x], [2, 3], [1, 1], none) for y in range(2) for x in range(3)] == [
        *range(6)
    ]


GOOD = Layout("m", "T", 8, (4,), (2,), (1,), ((0,),), (1,), 0, None)


@pytest.mark.parametrize(
    "wrong", [{"bits": 0}, {"base": -1}, {"shape": (0,)}, {"bank_counts": (0,)}, {"gcds": (0,)}]
)
def test_numbers_that_are_too_small_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the layout of 'T' has a number that is too small"):
        replace(GOOD, **wrong)
