"""Intervals of contributions and sums, against all values that small operands can have."""

from __future__ import annotations

import itertools

import pytest

from lego.back.plan.array.sums import (
    accumulated_terms,
    accumulates_held,
    has_chains,
    has_trees,
    identity,
    sum_range,
    sum_span,
    wraps_in,
)
from lego.ir.adg import Adg
from tests.back.designs import CHAIN, GEMM, LEVELS, TREE, design_of

SMALL = GEMM.replace("X: int8, W: int8, Y: int32", "X: int3, W: uint2, Y: int8")


def adg_of(text: str) -> Adg:
    (adg,) = design_of(text).adgs
    return adg


@pytest.mark.parametrize("terms", [1, 2, 3])
def test_sums_of_all_terms_are_within(terms: int) -> None:
    """A masked term adds 0, so fewer terms are possible, too."""
    products = {x * w for x in range(-4, 4) for w in range(4)}
    sums = {sum(each) for each in itertools.product(products | {0}, repeat=terms)}
    assert sum_range(adg_of(SMALL), terms) == (min(sums), max(sums))


def test_sums_that_leave_the_format_wrap() -> None:
    """10 terms of [-12, 9] are in [-120, 90], 11 in [-132, 99], which int8 doesn't hold."""
    assert sum_range(adg_of(SMALL), 10) == (-120, 90)
    assert sum_range(adg_of(SMALL), 11) == (-128, 127)
    assert sum_span(adg_of(SMALL)) == (-128, 127)


def test_the_largest_of_values_is_one_of_them_or_the_identity() -> None:
    adg = adg_of(SMALL.replace("+=", "max="))
    assert identity(adg) == -128
    assert sum_range(adg, 5) == sum_span(adg) == (-128, 9)
    adg = adg_of(SMALL.replace("+=", "min="))
    assert identity(adg) == 127
    assert sum_range(adg, 5) == (-12, 127)
    assert identity(adg_of(SMALL)) == 0


def test_only_sums_wrap() -> None:
    adg = adg_of(SMALL)
    assert wraps_in(adg) == adg.output_format
    assert wraps_in(adg_of(SMALL.replace("+=", "max="))) is None


@pytest.mark.parametrize(
    ("text", "trees", "chains", "held", "terms"),
    [
        (GEMM, False, False, True, 4),  # `k` runs innermost over 4
        (CHAIN, False, True, False, 1),
        (TREE, True, False, True, 2),  # 4 over 3 FUs: two trips
        (LEVELS, True, True, True, 4),  # two trips of `k` and two of `l`
    ],
)
def test_where_contributions_meet(
    text: str, trees: bool, chains: bool, held: bool, terms: int
) -> None:
    adg = adg_of(text)
    assert (has_trees(adg), has_chains(adg), accumulates_held(adg)) == (trees, chains, held)
    assert accumulated_terms(adg, 1) == terms
    assert accumulated_terms(adg, 3) == 3 * terms
