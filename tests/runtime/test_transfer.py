"""Models of the load and the store engine against loops that are written out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lego.diag import InternalError
from lego.runtime.transfer import load_writes, nest_values, store_writes

DRAM = np.random.default_rng(7).integers(0, 256, 1 << 12, np.uint8)
STORE = np.random.default_rng(8).integers(0, 256, (64, 16), np.uint8)


def points(held: Mapping[str, int], kind: str, count: int) -> Iterator[tuple[int, ...]]:
    """All points of a nest, by recursion."""

    def inner(k: int, point: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if k == count:
            yield point
            return
        for trip in range(held.get(f"{kind}_trip{k}", 0) + 1):
            yield from inner(k + 1, (*point, trip))

    return inner(0, ())


def at(held: Mapping[str, int], first: str, step: str, point: tuple[int, ...]) -> int:
    return held.get(first, 0) + sum(held.get(f"{step}_step{k}", 0) * x for k, x in enumerate(point))


def beats(held: Mapping[str, int], kind: str) -> list[int]:
    return [
        at(held, "offset", kind, point) + 16 * k
        for point in points(held, kind, 4)
        for k in range(held["beats"] + 1)
    ]


LOAD = {"segment": 2, "offset": 1600, "beats": 1, "memory": 1, "mask": 0x7FFE, "fill": 9}
LOAD |= {"fetch_trip1": 1, "fetch_trip3": 2, "fetch_step1": -320, "fetch_step3": 48}
LOAD |= {"address": 7, "place_trip0": 1, "place_trip2": 2, "place_trip4": 1}
LOAD |= {"place_step0": -30, "place_step2": 5, "place_step4": 1}
LOAD |= {"rotate": 13, "rotate_step0": 3, "rotate_step2": 15, "rotate_step4": 8}


@pytest.mark.parametrize("mode", [0, 1])
def test_a_load_writes_rotated_lanes_of_its_beats(mode: int) -> None:
    memory = np.zeros((1 << 16, 16), np.uint8)
    wanted = memory.copy()
    found = load_writes(LOAD | {"mode": mode}, {2: DRAM})
    found.apply(memory)
    assert found.memory == 1
    order = []
    for point, offset in zip(points(LOAD, "place", 5), beats(LOAD, "fetch"), strict=True):
        word = at(LOAD, "address", "place", point) % (1 << 16)
        turn = at(LOAD, "rotate", "rotate", point)
        order.append(word)
        for lane in range(16):
            if LOAD["mask"] >> lane & 1:
                value = LOAD["fill"] if mode else DRAM[offset + lane]
                wanted[word, (lane + turn) % 16] = value
    assert found.addresses.tolist() == order
    assert (memory == wanted).all()
    assert memory.any()


def test_a_store_sends_words_in_the_order_of_its_nest() -> None:
    run = {"segment": 6, "offset": 800, "beats": 3, "send_trip2": 2, "send_step2": -80}
    run |= {"address": 60, "take_trip1": 3, "take_trip3": 2, "take_step1": -16, "take_step3": -1}
    found = store_writes(run, STORE)
    segment = np.zeros(1 << 12, np.uint8)
    found.apply(segment)
    wanted = np.zeros(1 << 12, np.uint8)
    for point, offset in zip(points(run, "take", 5), beats(run, "send"), strict=True):
        wanted[offset : offset + 16] = STORE[at(run, "address", "take", point)]
    assert found.segment == 6
    assert (segment == wanted).all()


@settings(max_examples=50)
@given(
    st.integers(0, 99),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99)), min_size=3, max_size=3),
    st.integers(4, 6),
)
def test_values_of_a_nest_are_those_of_loops(first: int, dims: list, bits: int) -> None:
    (a, x), (c, y), (e, z) = dims
    wanted = [
        (first + x * i + y * j + z * k) % (1 << bits)
        for i in range(a + 1)
        for j in range(c + 1)
        for k in range(e + 1)
    ]
    assert nest_values(first, (a, c, e), (x, y, z), bits).tolist() == wanted


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"beats": 2}, "runs have 18 beats, words 12"),
        ({"offset": 8}, "multiple of 16"),
        ({"fetch_step0": 4}, "multiple of 16"),
        ({"offset": 4096}, "no beat at byte"),
    ],
)
def test_loads_that_cannot_be_are_refused(change: dict[str, int], says: str) -> None:
    with pytest.raises(InternalError, match=says):
        load_writes(LOAD | change, {2: DRAM})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"send_trip0": 1}, "runs have 2 beats, words 1"),
        ({"send_step3": 1}, "multiple of 16"),
        ({"address": 64}, "word 64 of a memory of 64"),
    ],
)
def test_stores_that_cannot_be_are_refused(change: dict[str, int], says: str) -> None:
    with pytest.raises(InternalError, match=says):
        store_writes({"take_trip0": 0, **change}, STORE)
