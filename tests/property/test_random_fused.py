"""Random operations under 1 to 4 dataflows in one array: the ADG and the RTL against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from frontends.yaml import load_text
from lego.diag import LegoError
from lego.flow import designs_of
from lego.ir.fused import FusedAdg, Method
from lego.program import configure
from sim.adg_sim import run_adg
from sim.reference import execute, random_tensor
from tests.property.generator import fused_sample
from tests.property.simulate import ILLEGAL, simulate

PER_BLOCK = 50
PER_MODEL = 10


def check(seed: int) -> bool:
    """Whether the seed is legal; fails if the ADG computes anything else than NumPy."""
    drawn = fused_sample(seed)
    method = Method.HEURISTIC if seed % 2 else Method.EXACT
    try:
        workload = load_text(drawn.text)
        (fused,) = designs_of(workload, method)
    except LegoError as error:
        assert error.code in ILLEGAL, f"{error}\n{drawn.text}"
        return False
    assert FusedAdg.from_json(fused.to_json()) == fused
    rng = np.random.default_rng(seed)
    tensors = {tensor.name: tensor for tensor in workload.tensors}
    for k, layer in enumerate(fused.layers):
        adg = layer.adg
        loops = {loop.name for loop in adg.op.loops}
        small = {name: n for name, n in drawn.bounds.items() if name in loops}
        limits = {loop.name: loop.extent for loop in adg.op.loops}
        for bounds in ({}, {name: min(n, limits[name]) for name, n in small.items()}):
            program = configure(fused, bounds, dataflow=k)
            operands = {
                plan.tensor.name: random_tensor(plan.tensor, program.layouts[plan.name].shape, rng)
                for plan in adg.inputs
            }
            shape = program.layouts[adg.output.name].shape
            wanted = execute(adg.op, tensors, operands, program.bounds, shape)
            got = run_adg(adg, program, operands, seed)
            assert (got.written >= wanted.written).all(), drawn.text
            assert program.accesses == got.accesses, drawn.text
            mask = wanted.written
            assert (got.values[mask] == wanted.values[mask]).all(), f"{drawn.text}\n{bounds}"
    return True


@pytest.mark.parametrize("block", range(4))
def test_two_hundred_architectures(block: int) -> None:
    assert sum(check(seed) for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK)) > 20


@pytest.mark.slow
@pytest.mark.parametrize("block", range(40))
def test_two_thousand_architectures(block: int) -> None:
    for seed in range(10_000 + block * PER_BLOCK, 10_000 + (block + 1) * PER_BLOCK):
        check(seed)


@pytest.mark.parametrize("block", range(6))
def test_sixty_designs(block: int) -> None:
    assert (
        simulate(fused_sample, range(block * PER_MODEL, (block + 1) * PER_MODEL)) >= PER_MODEL // 2
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", range(30))
def test_three_hundred_designs(block: int) -> None:
    simulate(fused_sample, range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))
