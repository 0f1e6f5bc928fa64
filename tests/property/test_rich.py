"""Random bodies with every operator, sums that wrap, up to 12 accesses and loops: the ADG and the
RTL against NumPy."""

from __future__ import annotations

import pytest

from frontends.yaml import load_text
from lego.back.pipeline import Options
from lego.diag import LegoError
from tests.property.rich import rich_sample
from tests.property.simulate import check_architecture, simulate

PER_BLOCK = 40
PER_MODEL = 5
FASTEST = Options(clock_ps=10)


def test_forty_architectures() -> None:
    assert sum(check_architecture(rich_sample, seed) for seed in range(PER_BLOCK)) > 25


@pytest.mark.slow
@pytest.mark.parametrize("block", range(25))
def test_a_thousand_architectures(block: int) -> None:
    for seed in range(1000 + block * PER_BLOCK, 1000 + (block + 1) * PER_BLOCK):
        check_architecture(rich_sample, seed)


def test_five_designs() -> None:
    assert simulate(rich_sample, range(2, 2 + PER_MODEL)) == PER_MODEL


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [Options(), Options(level=0), FASTEST], ids=["-O2", "-O0", "clock"]
)
@pytest.mark.parametrize("block", range(10))
def test_fifty_designs(block: int, options: Options) -> None:
    seeds = range(100 + block * PER_MODEL, 100 + (block + 1) * PER_MODEL)
    simulate(rich_sample, seeds, options=options)


def test_the_draws_have_what_they_are_for() -> None:
    """Shifts to the right, sums of few bits of wide values, many accesses of one tensor, many loops."""
    shifts = narrow = accesses = loops = 0
    for seed in range(100):
        try:
            (op,) = (workload := load_text(rich_sample(seed).text)).operations
        except LegoError:
            continue
        shifts += ">>" in rich_sample(seed).text
        widest = max(workload.network.buffer(a.buffer).format.bits for a in op.inputs)
        narrow += op.output.reduction == "+=" and workload.network.buffer("Y").format.bits < widest
        accesses += len(op.inputs) - len({a.buffer for a in op.inputs}) >= 3
        loops += len(op.loops) > 8
    assert min(shifts, narrow, accesses, loops) >= 10, (shifts, narrow, accesses, loops)
