"""Layouts in DRAM, tiles in memories, and semaphores."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.device.blocked import Blocked, lane_of
from lego.device.residency import Need, residency
from lego.device.tokens import Token, freed, loaded, rounds

SHAPES = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(tuple)


@given(SHAPES, st.data())
def test_a_tensor_comes_back_from_its_beats(shape: tuple[int, ...], data: st.DataObject) -> None:
    layout = Blocked("T", shape, data.draw(st.integers(0, len(shape) - 1)))
    values = np.random.default_rng(0).integers(-128, 128, shape)
    packed = layout.packed(values)
    assert len(packed) == layout.size
    assert np.array_equal(layout.unpacked(packed), values)
    where = np.indices(shape).reshape(len(shape), -1).T
    found = np.frombuffer(packed, np.int8)[16 * layout.beat(where) + layout.byte(where)]
    assert np.array_equal(found, values.reshape(-1))


def test_lanes_are_along_the_dimension_that_moves_with_them() -> None:
    grid = np.indices((3, 32)).reshape(2, 6, 16).transpose(1, 2, 0)
    present = np.ones((6, 16), dtype=bool)
    assert list(lane_of(grid, present)) == [1]
    assert list(lane_of(grid[..., ::-1], present)) == [0]
    turned = np.roll(grid, 3, axis=1)
    assert list(lane_of(turned, present)) == [1]
    assert list(lane_of(np.zeros_like(grid), present)) == []
    present[:, 1:] = False
    assert list(lane_of(grid, present)) == [0, 1]


def test_tiles_stay_and_are_replaced_in_the_order_of_their_last_uses() -> None:
    a, b, c = (Need(key, 10) for key in "abc")
    uses = residency([a, b, a, c, None, b, a])
    found = [use and (use.base, use.loads, use.freed_by, use.signals) for use in uses]
    assert found == [
        (0, True, (), False),
        (10, True, (), True),
        (0, False, (), True),
        (10, True, (1,), False),
        None,
        (0, True, (2,), False),
        (10, True, (3,), False),
    ] or found == [
        (0, True, (), False),
        (10, True, (), True),
        (0, False, (), True),
        (10, True, (1,), True),
        None,
        (0, True, (2,), False),
        (10, True, (3,), False),
    ]


@given(st.lists(st.none() | st.tuples(st.integers(0, 4), st.sampled_from([8, 16])), max_size=40))
def test_no_tile_is_written_over_before_its_last_use(keys: list[tuple[int, int] | None]) -> None:
    needs = [None if key is None else Need(key[0], key[1]) for key in keys]
    held: dict[tuple[int, int], tuple[Need, int]] = {}
    freed_runs: list[int] = []
    for number, (need, use) in enumerate(zip(needs, residency(needs), strict=True)):
        if need is None or use is None:
            continue
        span = use.base, use.base + need.room
        if use.loads:
            freed_runs += use.freed_by
            over = {at: held[at] for at in held if at[0] < span[1] and span[0] < at[1]}
            assert all(last in freed_runs for _, last in over.values())
            for at in over:
                del held[at]
        else:
            assert held[span][0] == need
        held[span] = need, number
    signalling = [k for k, use in enumerate(residency(needs)) if use and use.signals]
    assert sorted(freed_runs) == signalling
    assert freed_runs == sorted(freed_runs)


@given(st.lists(st.integers(0, 15), max_size=12))
def test_every_token_is_taken_once(tokens: list[int]) -> None:
    sets = rounds(tokens)
    assert Counter(token for each in sets for token in each) == Counter(tokens)
    assert all(len(each) <= len(sets[-1]) for each in sets)


def test_semaphores_have_numbers_of_their_own() -> None:
    numbers = [int(token) for token in Token]
    numbers += [way(memory) for memory in range(3) for way in (loaded, freed)]
    assert len(set(numbers)) == len(numbers) == 15
    assert max(numbers) < 16
    with pytest.raises(ValueError, match="15"):
        Token(15)
