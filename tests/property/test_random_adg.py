"""Random affine operations x dataflows x ragged sizes: the ADG, without RTL, against NumPy."""

from __future__ import annotations

import pytest

from tests.property.generator import sample
from tests.property.simulate import check_architecture

PER_BLOCK = 100


@pytest.mark.parametrize("block", range(2))
def test_two_hundred_seeds(block: int) -> None:
    assert (
        sum(
            check_architecture(sample, seed)
            for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK)
        )
        > 50
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_two_thousand_seeds(block: int) -> None:
    for seed in range(10_000 + block * PER_BLOCK, 10_000 + (block + 1) * PER_BLOCK):
        check_architecture(sample, seed)
