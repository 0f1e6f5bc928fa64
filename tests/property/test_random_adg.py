"""Random affine operations x dataflows x ragged sizes: the ADG, without RTL, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from frontends.yaml import load_text
from lego.diag import LegoError
from lego.flow import adgs_of
from lego.program import configure
from sim.adg_sim import run_adg
from sim.reference import execute, random_tensor
from tests.property.generator import sample

PER_BLOCK = 100
ILLEGAL = ("E119", "E120", "E122", "E301")


def check(seed: int) -> bool:
    """Whether the seed is legal; fails if the ADG computes anything else than NumPy."""
    drawn = sample(seed)
    try:
        workload = load_text(drawn.text)
        (adg,) = adgs_of(workload)
    except LegoError as error:
        assert error.code in ILLEGAL, f"{error}\n{drawn.text}"
        return False
    rng = np.random.default_rng(seed)
    tensors = {tensor.name: tensor for tensor in workload.tensors}
    for bounds in ({}, drawn.bounds):
        program = configure(adg, bounds)
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


@pytest.mark.parametrize("block", range(2))
def test_two_hundred_seeds(block: int) -> None:
    assert sum(check(seed) for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK)) > 50


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_two_thousand_seeds(block: int) -> None:
    for seed in range(10_000 + block * PER_BLOCK, 10_000 + (block + 1) * PER_BLOCK):
        check(seed)
