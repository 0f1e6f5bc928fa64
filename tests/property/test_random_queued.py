"""Random designs whose runs come out of a queue, in any order, at any bounds: the RTL against NumPy, and the
cycles that all runs of a sequence take."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from lego.back.pipeline import Options
from lego.diag import LegoError
from tests.designs import verdicts_of
from tests.property.domains import fused_domain_sample
from tests.property.generator import Sample, fused_sample, resuming, sample
from tests.property.rich import rich_sample
from tests.property.simulate import ILLEGAL
from tests.property.test_random_room import fused as roomy
from tests.sequences import made_of, queued, random_case

DRAWS = [sample, fused_sample, rich_sample, fused_domain_sample, roomy]
PER_MODEL = 5


def check(draw: Callable[[int], Sample], seeds: range, options: Options) -> int:
    """Simulate sequences of the designs of these seeds; returns how many were legal."""
    texts, cases = {}, []
    for seed in seeds:
        r = random.Random(f"queue {seed}")
        more = ", double_buffer: yes" if r.random() < 0.3 else ""
        text = queued(
            (resuming(draw) if r.random() < 0.5 else draw)(seed).text, r.choice([2, 4, 16])
        )
        text = (
            text.replace("architecture: {", "architecture: {double_buffer: yes, ") if more else text
        )
        try:
            made = made_of(text, options)
        except LegoError as error:
            assert error.code in ILLEGAL, f"{error}\n{text}"
            continue
        texts[made.device.top] = text
        cases.append(random_case(made, seed, 4))
    for verdict in verdicts_of(cases, seed=seeds.start):
        assert not verdict.failures, f"{verdict.failures}\n{texts[verdict.top]}"
    return len(cases)


@pytest.mark.parametrize(
    ("draw", "options"),
    [
        (sample, Options()),
        (roomy, Options()),
        (fused_sample, Options(clock_ps=10)),
        (rich_sample, Options(level=0)),
    ],
)
def test_designs(draw: Callable[[int], Sample], options: Options) -> None:
    assert check(draw, range(4), options) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("block", range(10))
def test_two_hundred_designs(block: int, draw: Callable[[int], Sample]) -> None:
    options = (Options(), Options(clock_ps=10), Options(level=0))[block % 3]
    seeds = range(100 + block * PER_MODEL, 100 + (block + 1) * PER_MODEL)
    check(draw, seeds, options)
