"""Accesses seen from the loops of who reads, against all their iterations."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.ir.affine import AffineMap
from lego.quantise.access import composed, leaves, loops_behind, moved, window

Rows = tuple[tuple[int, ...], ...]


def points(extents: list[int]) -> list[tuple[int, ...]]:
    return list(product(*map(range, extents)))


def is_behind(
    written: AffineMap, extents: list[int], read: AffineMap, readers: list[int]
) -> bool | None:
    """Whether the writer's iteration wrote what the reader reads, everywhere; None if none is said."""
    behind = loops_behind(written, extents, read, readers)
    if behind is None:
        return None
    box = set(points(extents))
    return all(behind(p) in box and written(behind(p)) == read(p) for p in points(readers))


@pytest.mark.parametrize(
    ("rows", "extents", "read", "offset", "readers"),
    [
        (((1, 0), (0, 1)), [3, 4], ((1, 0), (0, 1)), (0, 0), [3, 4]),
        (((1, 0), (0, 1)), [3, 4], ((0, 1), (1, 0)), (0, 0), [4, 3]),  # transposed
        (((0, 0), (1, 0), (0, 1)), [3, 4], ((0,), (0,), (1,)), (0, 2, 0), [4]),  # a row
        (((6, 1),), [4, 6], ((6, 1),), (0,), [4, 6]),  # two loops in one dimension
        (((6, 1),), [4, 6], ((6, 2, 1),), (0,), [4, 3, 2]),
        (((6, 1),), [4, 6], ((-6, 1),), (18,), [4, 6]),  # from the end
        (((1,),), [9], ((2, 1),), (1,), [3, 3]),  # a window
        (((1, 0),), [5, 1], ((1,),), (0,), [5]),  # a loop that runs once
    ],
)
def test_iterations_behind_what_is_read(
    rows: Rows, extents: list[int], read: Rows, offset: tuple[int, ...], readers: list[int]
) -> None:
    written = AffineMap(rows, (0,) * len(rows))
    assert is_behind(written, extents, AffineMap(read, offset), readers)


@pytest.mark.parametrize(
    ("read", "offset", "readers"),
    [
        (((1,),), (0,), [24]),  # across both loops
        (((6, 1),), (3,), [3, 6]),
        (((4, 1),), (0,), [6, 4]),
        (((6, 1),), (-6,), [4, 6]),
    ],
)
def test_iterations_that_arent_affine(
    read: Rows, offset: tuple[int, ...], readers: list[int]
) -> None:
    assert (
        loops_behind(AffineMap(((6, 1),), (0,)), [4, 6], AffineMap(read, offset), readers) is None
    )


@given(st.data())
def test_what_is_said_holds_everywhere(data: st.DataObject) -> None:
    extents = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    steps = np.cumprod([1, *extents[:0:-1]])[::-1]
    written = AffineMap((tuple(map(int, steps)),), (0,))
    readers = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    row = tuple(data.draw(st.integers(-6, 12)) for _ in readers)
    read = AffineMap((row,), (data.draw(st.integers(0, 12)),))
    assert is_behind(written, extents, read, readers) is not False


@given(st.data())
def test_what_leaves(data: st.DataObject) -> None:
    extents = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    row = tuple(data.draw(st.integers(-3, 3)) for _ in extents)
    access = AffineMap((row,), (data.draw(st.integers(-2, 6)),))
    met = [access(p)[0] for p in points(extents)]
    assert leaves(access, extents, [7]) == (min(met) < 0 or max(met) > 6)


def test_windows_have_an_axis_per_loop() -> None:
    values = np.arange(12.0).reshape(3, 4)
    access = AffineMap(((0, 1, 0), (0, 0, 2)), (0, 1))
    found = window(values, access, [5, 3, 2])
    assert found.shape == (1, 3, 2)
    assert moved(found) == [1, 2]
    wide = np.broadcast_to(found, (5, 3, 2))
    assert all(wide[p] == values[access(p)] for p in points([5, 3, 2]))
    assert window(np.float64(3).reshape(()), AffineMap((), ()), [5, 3]).shape == (1, 1)


def test_composition() -> None:
    outer, inner = AffineMap(((2, 1), (0, 3)), (1, 0)), AffineMap(((1, 0, 4), (0, 5, 0)), (2, -1))
    both = composed(outer, inner, 3)
    assert all(both(p) == outer(inner(p)) for p in points([2, 3, 2]))
