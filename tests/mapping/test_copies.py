"""Commands of the load and the store engine, played by the models, move every beat where it goes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lego.diag import InternalError
from lego.ir.engines import LOAD_REGISTERS, MOST_BEATS, STORE_REGISTERS, as_written
from lego.mapping.copies import PAD, Runs, load_commands, runs_of, store_commands
from lego.mapping.nests import Integers
from lego.runtime.transfer import load_writes, store_writes

DRAM = np.random.default_rng(1).integers(0, 256, 1 << 16, np.uint8)
DEPTH = 1 << 12
OLD = 0x5A


def loaded(offsets: Integers, words: Integers, turns: Integers, mask: int, fill: int) -> np.ndarray:
    """What the memory is to hold, beat by beat and lane by lane."""
    memory = np.full((DEPTH, 16), OLD, np.uint8)
    for offset, word, turn in zip(offsets.tolist(), words.tolist(), turns.tolist(), strict=True):
        for lane in range(16):
            if mask >> lane & 1:
                value = fill if offset == PAD else DRAM[offset + lane]
                memory[word, (lane + turn) % 16] = value
    return memory


def check_load(
    offsets: Sequence[int] | Integers,
    words: Sequence[int] | Integers,
    turns: Sequence[int] | Integers | None = None,
    mask: int = 0xFFFF,
    fill: int = 7,
) -> list[dict[str, int]]:
    """The commands, whose runs do what is wanted, whatever is in registers that they don't name."""
    rows = [np.asarray(each, np.int64) for each in (offsets, words)]
    rows.append(np.zeros_like(rows[0]) if turns is None else np.asarray(turns, np.int64))
    commands = load_commands(*rows, memory=2, segment=3, mask=mask, fill=fill)
    memory = np.full((DEPTH, 16), OLD, np.uint8)
    beats = 0
    for command in commands:
        held = {each.name: 0x5550 for each in LOAD_REGISTERS} | command
        assert command.items() <= as_written(LOAD_REGISTERS, command).items()
        writes = load_writes(held, {3: DRAM})
        assert writes.memory == 2
        writes.apply(memory)
        beats += len(writes.addresses)
    assert beats == len(rows[0])
    assert (memory == loaded(*rows, mask, fill)).all()
    return commands


@st.composite
def blocks(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    """Beats of some tiles at different places: offsets, words and rotations."""
    offsets: list[int] = []
    words = list(range(DEPTH))
    rng = random.Random(draw(st.integers(0, 1 << 16)))
    taken: list[int] = []
    turns: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        inner, outer = draw(st.integers(1, 5)), draw(st.integers(1, 5))
        first, row, turn = rng.randrange(1024), rng.randrange(40), rng.randrange(16)
        place, over = rng.randrange(200), rng.choice([inner, inner + 3])
        for i in range(outer):
            for j in range(inner):
                pad = rng.random() < 0.1
                offsets.append(PAD if pad else 16 * (first + row * i + j))
                taken.append(words[place + over * i + j])
                turns.append((turn * i + j) % 16)
        words = [word for word in words if word not in taken]
        if draw(st.booleans()):
            mixed = list(zip(offsets, taken, turns, strict=True))
            rng.shuffle(mixed)
            offsets, taken, turns = map(list, zip(*mixed, strict=True))
    return offsets, taken, turns


@settings(max_examples=60, deadline=None)
@given(blocks(), st.sampled_from([0xFFFF, 0x00FF, 0x8421]))
def test_beats_go_where_they_are_wanted(block: tuple[list[int], ...], mask: int) -> None:
    check_load(*block, mask=mask)


def tile(height: int, width: int, channels: int, top: int, left: int) -> tuple[Integers, Integers]:
    """An image's rows of beats, 16 wide and 16 high, from (top, left), with pads where there is none; words
    in the order of channels, rows, columns."""
    c, y, x = np.meshgrid(np.arange(channels), np.arange(height), np.arange(width), indexing="ij")
    y, x = y + top, x + left
    inside = (y >= 0) & (y < 16) & (x >= 0) & (x < 16)
    offsets = np.where(inside, 16 * (c * 256 + y * 16 + x), PAD)
    return offsets.ravel(), np.arange(offsets.size)


@pytest.mark.parametrize(
    ("at", "copies", "fills"),
    [((0, 0), 1, 0), ((-1, 0), 1, 1), ((0, -1), 1, 1), ((-1, -1), 1, 2), ((9, 0), 1, 1)],
)
def test_a_tile_with_its_margin_takes_few_commands(
    at: tuple[int, int], copies: int, fills: int
) -> None:
    commands = check_load(*tile(8, 10, 4, *at))
    assert sum(command["mode"] == 0 for command in commands) == copies
    assert sum(command["mode"] == 1 for command in commands) == fills


def test_consecutive_beats_are_one_run_whatever_their_words_are() -> None:
    k = np.arange(64)
    (command,) = check_load(16 * k + 320, k % 4 * 100 + k // 4 % 4 * 7 + k // 16 * 1000, k % 16)
    assert command["beats"] == 63
    assert not any(command[f"fetch_trip{n}"] for n in range(4))
    assert [command[f"place_trip{n}"] for n in range(5)] == [0, 0, 3, 3, 3]


def test_an_order_is_chosen_that_takes_one_command() -> None:
    rng = np.random.default_rng(5)
    k = rng.permutation(96)
    (command,) = check_load(16 * k, k // 12 * 20 + k % 12)
    assert command["beats"] == 95
    (command,) = check_load(k % 12 * 256 + k // 12 * 4096, k // 12 * 20 + k % 12)
    assert (command["fetch_trip2"], command["fetch_trip3"]) == (7, 11)


def test_rotations_go_round() -> None:
    k = np.arange(40)
    (command,) = check_load(16 * k, k // 16 * 16 + k % 16, (3 * k + 14) % 16)
    assert (command["rotate"], command["rotate_step4"]) == (14, 3)


def test_counters_of_runs_and_words_are_as_many_as_the_engine_has() -> None:
    shape = np.indices((2, 3, 2, 3, 2, 3)).reshape(6, -1)
    offsets = 16 * (np.array([997, 331, 113, 37, 11, 1]) @ shape)
    words = np.array([1201, 387, 120, 38, 9, 2]) @ shape
    assert len(check_load(offsets, words)) == 2
    assert len(check_load(offsets, np.arange(len(words)))) == 2
    runs = np.array([997, 331, 113, 37, 11, 2]) @ shape * 16
    assert len(check_load(runs, np.arange(len(words)))) == 6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), min_size=1, max_size=12))
def test_offsets_are_runs_of_beats(parts: list[tuple[int, int]]) -> None:
    offsets = np.concatenate([16 * np.arange(first, first + n) for first, n in parts])
    found = runs_of(offsets)
    assert (np.concatenate([runs.offsets() for runs in found]) == offsets).all()
    assert all(len(runs.counters) <= 4 and runs.beats <= MOST_BEATS for runs in found)


def test_runs_of_rows_have_a_counter() -> None:
    k = np.arange(60)
    (runs,) = runs_of(16 * (k // 6 * 50 + k % 6))
    assert runs == Runs(0, 6, ((10, 800),))
    assert runs.count == 10
    (runs,) = runs_of(16 * np.arange(1 << 15))
    assert (runs.beats, runs.counters) == (1 << 15, ())
    (runs,) = runs_of(16 * np.arange(1 << 16))
    assert runs.beats * runs.count == 1 << 16
    assert runs.count == 16


WORDS = np.random.default_rng(2).integers(0, 256, (DEPTH, 16), np.uint8)


def check_store(offsets: Integers, words: Integers) -> list[dict[str, int]]:
    commands = store_commands(offsets, words, segment=5)
    segment = np.full(1 << 16, OLD, np.uint8)
    wanted = segment.copy()
    for command in commands:
        held: Mapping[str, int] = {each.name: 0x5550 for each in STORE_REGISTERS} | command
        assert held["segment"] == 5
        store_writes(held, WORDS).apply(segment)
    for offset, word in zip(offsets.tolist(), words.tolist(), strict=True):
        wanted[offset : offset + 16] = WORDS[word]
    assert (segment == wanted).all()
    return commands


@settings(max_examples=60, deadline=None)
@given(blocks())
def test_words_are_sent_where_they_are_wanted(block: tuple[list[int], ...]) -> None:
    offsets, words, _ = block
    beats = dict(zip(offsets, words, strict=True))
    beats.pop(PAD, None)
    if beats:
        check_store(np.array(list(beats)), np.array(list(beats.values())))


def test_rows_of_words_are_sent_by_one_command() -> None:
    k = np.arange(48)
    (command,) = check_store(16 * (k // 8 * 30 + k % 8), k % 8 * 6 + k // 8)
    assert (command["beats"], command["send_trip3"]) == (7, 5)
    assert [command[f"take_trip{n}"] for n in range(5)] == [0, 0, 0, 5, 7]


@pytest.mark.parametrize("offset", [8, -16])
def test_offsets_between_beats_are_refused(offset: int) -> None:
    one = np.array([offset])
    with pytest.raises(InternalError, match="multiple of 16 bytes"):
        load_commands(one, np.zeros(1), np.zeros(1), memory=0)
    with pytest.raises(InternalError, match="multiple of 16 bytes"):
        store_commands(one, np.zeros(1))
