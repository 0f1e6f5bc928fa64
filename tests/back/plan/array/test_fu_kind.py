"""Kinds of FUs: which masks an FU needs, and by which signals."""

from __future__ import annotations

import pytest

from lego.back.plan.array.fu_kind import (
    SumKind,
    mask_numbers,
    mask_signal,
    masking_axes,
    parts_of,
    spans_of,
    union,
)
from tests.back.designs import CHAIN, EDGES, GEMM, SEVERAL, TRIANGLE, design_of


@pytest.mark.parametrize(
    ("text", "fu", "axes"),
    [
        (GEMM, (1, 1), ()),  # both loops are in the output: an element of its own, not committed
        (CHAIN, (0, 1), ()),  # the first FU along `k` is always within the bound
        (CHAIN, (2, 0), (0,)),  # else it would add to its neighbour's element
        (CHAIN, (2, 1), (0,)),  # `n` is in the output
        (TRIANGLE, (1, 1), (2,)),  # the inequality `j <= i`, numbered after two axes
        (EDGES, (0, 0), ()),
        (EDGES, (2, 1), (0, 1)),  # elements of other iterations: the output doesn't tell the loops
    ],
)
def test_masks_are_where_a_contribution_must_not_count(
    text: str, fu: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    (adg,) = design_of(text).adgs
    assert masking_axes(adg, fu) == axes


def test_assignments_need_no_mask() -> None:
    text = GEMM.replace('"Y[m,n] += X[m,k] * W[k,n]"', '"Y[m,n,k] = X[m,k] * W[k,n]"')
    (adg,) = design_of(text.replace("{m: 2, n: 2}", "{k: 2, n: 2}")).adgs
    assert masking_axes(adg, (1, 1)) == ()


def test_signals_tell_the_coordinate_or_the_constant() -> None:
    (adg,) = design_of(CHAIN).adgs
    assert mask_signal(adg, 0, (2, 1)) == "valid0_2"
    (adg,) = design_of(TRIANGLE).adgs
    # j - i, at least -1 among the four FUs: 0 for (1, 0), 1 on the diagonal, 2 for (0, 1)
    found = {fu: mask_signal(adg, 2, fu) for fu in adg.dataflow.fus()}
    assert found == {
        (1, 0): "valid2_0", (0, 0): "valid2_1", (1, 1): "valid2_1", (0, 1): "valid2_2",
    }  # fmt: skip


def test_numbers_of_all_dataflows() -> None:
    assert mask_numbers([(2, 0), None, (), (0, 1)]) == [0, 1, 2]


def test_parts_are_those_of_dataflows_that_have_one() -> None:
    design = design_of(SEVERAL)
    part = SumKind(-1, 0, 1, root=True)
    found = list(parts_of(design.fused, (None, part, part)))
    assert found == [(design.adgs[1], part), (design.adgs[2], part)]
    assert spans_of(found) == (-(1 << 31), (1 << 31) - 1)  # int32 around int8
    assert spans_of(found[1:]) == (-128, 127)


def test_unions_are_around_all() -> None:
    assert union([(3, 5), (-1, 2), (4, 4)]) == (-1, 5)
