"""Random operations under 1 to 4 dataflows in one array: the ADG and the RTL against NumPy."""

from __future__ import annotations

import pytest

from lego.back.pipeline import Options
from lego.ir.fused import Method
from tests.property.generator import fused_sample
from tests.property.simulate import check_architecture, simulate

PER_BLOCK = 50
PER_MODEL = 10


def check(seed: int) -> bool:
    """Whether the seed is legal; both methods of fusion take turns."""
    method = Method.HEURISTIC if seed % 2 else Method.EXACT
    return check_architecture(fused_sample, seed, method)


@pytest.mark.parametrize("block", range(4))
def test_two_hundred_architectures(block: int) -> None:
    assert sum(check(seed) for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK)) > 20


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_two_thousand_architectures(block: int) -> None:
    for seed in range(10_000 + block * PER_BLOCK, 10_000 + (block + 1) * PER_BLOCK):
        check(seed)


@pytest.mark.parametrize("block", range(4))
def test_forty_designs(block: int) -> None:
    assert (
        simulate(fused_sample, range(block * PER_MODEL, (block + 1) * PER_MODEL)) >= PER_MODEL // 2
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", range(30))
def test_three_hundred_designs(block: int) -> None:
    simulate(fused_sample, range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))


FASTEST = Options(clock_ps=10)
"""A clock that asks for every pipeline register there is."""


@pytest.mark.parametrize("block", range(1))
def test_ten_designs_with_every_stage(block: int) -> None:
    seeds = range(3000 + block * PER_MODEL, 3000 + (block + 1) * PER_MODEL)
    assert simulate(fused_sample, seeds, options=FASTEST) >= PER_MODEL // 2


def test_results_of_several_formats_with_every_stage() -> None:
    """7000007: one dataflow adds in the banks, another has a wider format and doesn't."""
    seeds = range(7_000_006, 7_000_009)
    assert simulate(fused_sample, seeds, options=Options(level=0, clock_ps=10))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_two_hundred_designs_with_every_stage(block: int) -> None:
    seeds = range(3010 + block * PER_MODEL, 3010 + (block + 1) * PER_MODEL)
    simulate(fused_sample, seeds, options=FASTEST)
