"""Where results add to what memory holds."""

from __future__ import annotations

import pytest

from lego.back.plan.memory.adders import (
    accumulates,
    adds_alike,
    adds_at_nodes,
    n_units,
    spans_in_memory,
)
from tests.back.designs import CHAIN, EDGES, GEMM, RESUMED, SEVERAL, design_of


def test_only_elements_that_come_again_are_added_to() -> None:
    os, ws = design_of(GEMM), design_of(CHAIN)
    assert not any(accumulates(os.results, bank) for bank in range(4))
    resumed = design_of(RESUMED).results
    assert all(accumulates(resumed, bank) for bank in range(resumed.n_banks))
    assert [accumulates(ws.results, bank) for bank in range(3)] == [True, True, False]


def test_units_are_as_many_as_data_nodes_that_add() -> None:
    assert n_units(design_of(GEMM).views[-1]) == 0
    assert n_units(design_of(CHAIN).views[-1]) == 2
    design = design_of(SEVERAL)
    assert n_units(design.views[-1]) == 2
    assert not adds_at_nodes(design.results, design.views[-1])  # a unit costs two banks' adders


def test_memory_holds_all_terms_of_an_element() -> None:
    """Four products in [-16256, 16384]; of what begins with what the host or a run wrote, anything."""
    assert spans_in_memory(design_of(CHAIN).fused) == [(-65024, 65536)]
    whole = [(-(1 << 31), (1 << 31) - 1)]
    assert spans_in_memory(design_of(EDGES).fused) == whole
    assert spans_in_memory(design_of(RESUMED).fused) == whole
    assert spans_in_memory(design_of(RESUMED.replace("+=", "max=")).fused) == whole


@pytest.mark.parametrize(
    ("text", "span", "alike"),
    [
        (CHAIN, (-65024, 65536), True),
        (CHAIN, (-70000, 70000), True),  # as many bits
        (CHAIN, (-32, 31), False),
        (CHAIN.replace("+=", "max="), (-65024, 65536), False),
    ],
)
def test_dataflows_add_alike_if_zero_and_a_word_do(
    text: str, span: tuple[int, int], alike: bool
) -> None:
    assert adds_alike(design_of(text).fused, [span], (-65024, 65536)) is alike


def test_dataflows_that_dont_add_dont_matter() -> None:
    spans = [(0, 1), (-8, 7), (-128, 127)]
    assert adds_alike(design_of(SEVERAL).fused, spans, (-8, 7))
    assert not adds_alike(design_of(SEVERAL).fused, spans, (-128, 127))
