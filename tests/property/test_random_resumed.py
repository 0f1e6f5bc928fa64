"""Random designs in which half of the runs go on from random results in memory: the ADG and the RTL against
NumPy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lego.back.pipeline import Options
from lego.ir.fused import Method
from tests.property.domains import fused_domain_sample
from tests.property.generator import Sample, fused_sample, resuming, sample
from tests.property.rich import rich_sample
from tests.property.simulate import check_architecture, simulate

DRAWS = [sample, fused_sample, rich_sample, fused_domain_sample]
PER_MODEL = 5


@pytest.mark.parametrize("draw", DRAWS)
def test_a_hundred_architectures(draw: Callable[[int], Sample]) -> None:
    found = [check_architecture(resuming(draw), seed, Method.HEURISTIC) for seed in range(25)]
    assert sum(found) > 12


@pytest.mark.parametrize(
    ("draw", "options"),
    [(sample, Options()), (fused_sample, Options(clock_ps=10)), (rich_sample, Options(level=0))],
)
def test_designs(draw: Callable[[int], Sample], options: Options) -> None:
    assert simulate(resuming(draw), range(4, 4 + PER_MODEL), options=options) >= PER_MODEL // 2


@pytest.mark.slow
@pytest.mark.parametrize("options", [Options(), Options(level=0), Options(clock_ps=10)])
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("block", range(10))
def test_six_hundred_designs(block: int, draw: Callable[[int], Sample], options: Options) -> None:
    seeds = range(100 + block * PER_MODEL, 100 + (block + 1) * PER_MODEL)
    simulate(resuming(draw), seeds, options=options)
