"""Sums in halves: where they can be cut."""

from __future__ import annotations

from lego.back.plan.array.halves import can_split, split_of
from tests.back.designs import GEMM, SEVERAL, design_of


def test_least_and_largest_values_are_whole() -> None:
    adgs = design_of(SEVERAL).adgs
    assert can_split(adgs[:2])
    assert not can_split(adgs)  # the pool takes the largest
    assert not can_split(design_of(GEMM.replace("+=", "min=")).adgs)


def test_halves_of_the_longest_sum() -> None:
    """Products are in [-16256, 16384], four of them in [-65024, 65536]: 18 bits, of which 9 are low; eight
    of them take 19 bits, of which 10 are.
    """
    assert split_of(design_of(GEMM).adgs) == 9
    assert split_of(design_of(GEMM.replace("k: 4", "k: 8")).adgs) == 10


def test_sums_that_wrap_are_as_wide_as_their_format() -> None:
    assert split_of(design_of(GEMM.replace("int32", "int12")).adgs) == 6
