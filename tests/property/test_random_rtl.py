"""Random affine operations x dataflows x ragged sizes: RTL against NumPy.

A failure prints the workload; keep it under tests/workloads when the cause is mended.
"""

from __future__ import annotations

import pytest

from lego.diag import LegoError
from tests.designs import cases_of, verdicts_of
from tests.property.generator import sample

PER_MODEL = 10


def check(seeds: range) -> int:
    """Simulate these seeds in one model; returns how many were legal."""
    texts, cases = {}, []
    for seed in seeds:
        drawn = sample(seed)
        try:
            made = cases_of(drawn.text, seed, [drawn.bounds])
        except LegoError as error:
            assert error.code in ("E119", "E120", "E122", "E301"), f"{error}\n{drawn.text}"
            continue
        texts[f"r{seed}_op"] = f"{drawn.text}\nbounds {drawn.bounds}"
        cases += made
    for verdict in verdicts_of(cases, seed=seeds.start):
        assert not verdict.failures, f"{verdict.failures}\n{texts[verdict.top]}"
    return len(cases)


@pytest.mark.parametrize("block", range(4))
def test_forty_seeds(block: int) -> None:
    assert check(range(block * PER_MODEL, (block + 1) * PER_MODEL)) >= PER_MODEL // 2


@pytest.mark.slow
@pytest.mark.parametrize("block", range(50))
def test_five_hundred_seeds(block: int) -> None:
    check(range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))
