"""Macros of least area make every shape, and together they hold all of its words and bits."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

import pytest

from lego.back.sram.arrange import arranged, height_of, held_bits
from lego.diag import LegoError
from lego.ir.costs import COSTS
from lego.ir.sram import Band, SramCell


def cell(words: int, bits: int, area: int = 0) -> SramCell:
    pins = ("CK",), "AR", ("RE",), "Q", "AW", ("WE",), "D"
    return SramCell(f"m{words}x{bits}", words, bits, *pins, area=area)


CELLS = [cell(64, 8), cell(128, 32), cell(256, 64), cell(1024, 32), cell(96, 16)]


def area_of(one: SramCell) -> int:
    return one.area or COSTS.bank + one.words * one.bits * COSTS.sram_bit


def named(cells: list[SramCell]) -> dict[str, SramCell]:
    return {one.module: one for one in cells}


@pytest.mark.parametrize("seed", range(200))
def test_bands_hold_all_words_and_bits(seed: int) -> None:
    r = Random(seed)
    cells = r.sample(CELLS, r.randint(1, len(CELLS)))
    words, bits = r.randint(1, 3000), r.randint(1, 70)
    bands, known = arranged(words, bits, cells), named(cells)
    assert bands == arranged(words, bits, cells)
    end = 0
    for band in bands:
        assert band.start == end
        assert band.start < words
        assert all(known[name].words >= band.height for name in band.cells)
        assert sum(known[name].bits for name in band.cells) >= bits
        if len(bands) > 1:
            assert band.height.bit_count() == 1
            assert band.start % band.height == 0
        end += band.height
    assert end >= words


def test_no_other_bands_take_less() -> None:
    """Of all rows of up to three macros, and all of up to three such rows."""
    cells = [cell(64, 8, 700), cell(128, 32, 3100), cell(256, 16, 3400)]
    joint = 20 * COSTS.mux_bit + COSTS.register_bit
    rows = {}
    for count in (1, 2, 3):
        for row in product(cells, repeat=count):
            if sum(c.bits for c in row) >= 20:
                height = min(height_of(c) for c in row)
                area = sum(c.area for c in row)
                rows[height] = min(area, rows.get(height, area))
    known = named(cells)
    for words in range(257, 600, 17):
        found = arranged(words, 20, cells)
        ours = sum(joint + sum(known[c].area for c in band.cells) for band in found)
        for count in (1, 2, 3, 4):
            for heights in product(rows, repeat=count):
                if sum(heights) >= words:
                    assert ours <= sum(joint + rows[h] for h in heights)


@pytest.mark.parametrize("seed", range(200))
def test_lanes_that_are_written_apart_share_no_macro_without_a_mask(seed: int) -> None:
    r = Random(seed)
    masked = [replace(cell(128, 64), mask="BW", mask_bits=r.choice([1, 4, 8, 16]), module="masked")]
    cells = r.sample(CELLS, r.randint(1, len(CELLS))) + masked * r.randint(0, 1)
    lane, lanes = r.choice([1, 4, 8, 12, 16, 32, 40]), r.randint(2, 16)
    known = named(cells)
    for band in arranged(r.randint(1, 600), lane * lanes, cells, lanes):
        start = 0
        for name in band.cells:
            held = held_bits(known[name], start, lane * lanes, lanes)
            assert 0 < held <= known[name].bits
            over = (start + held - 1) // lane - start // lane
            assert not over or known[name].mask
            assert not over or start % lane == lane % known[name].mask_bits == 0
            start += held
        assert start == lane * lanes


def test_a_larger_macro_is_taken_where_it_is_the_smallest() -> None:
    assert arranged(16, 8, CELLS) == (Band(0, 16, ("m64x8",)),)
    assert arranged(70, 16, CELLS) == (Band(0, 70, ("m96x16",)),)  # not a power of two


def test_an_area_that_is_given_counts() -> None:
    cheap = [cell(64, 8), cell(1024, 32, 1)]
    assert arranged(16, 8, cheap) == (Band(0, 16, ("m1024x32",)),)
    assert area_of(cheap[0]) > 1


def test_too_many_macros_are_refused() -> None:
    with pytest.raises(LegoError, match=r"E132.*65536 words of 32 bits takes 4096 macros"):
        arranged(65536, 32, [cell(64, 8)])
