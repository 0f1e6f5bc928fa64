"""Random affine operations x dataflows x ragged sizes: RTL against NumPy.

A failure prints the workload; keep it under tests/workloads when the cause is mended.
"""

from __future__ import annotations

import pytest

from tests.property.generator import sample
from tests.property.simulate import simulate

PER_MODEL = 10


def check(seeds: range) -> int:
    """Simulate these seeds in one model; returns how many were legal."""
    return simulate(sample, seeds)


@pytest.mark.parametrize("block", range(4))
def test_forty_seeds(block: int) -> None:
    assert check(range(block * PER_MODEL, (block + 1) * PER_MODEL)) >= PER_MODEL // 2


@pytest.mark.slow
@pytest.mark.parametrize("block", range(50))
def test_five_hundred_seeds(block: int) -> None:
    check(range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))
