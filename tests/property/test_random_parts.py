"""Random designs whose host works in one part of a memory while the array works in another: the RTL against
NumPy, by turns in the parts, anywhere in memory, and out of a queue."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.back.pipeline import Options
from lego.diag import LegoError
from tests.designs import verdicts_of, with_style
from tests.property.generator import Sample, fused_sample, resuming, sample
from tests.property.rich import rich_sample
from tests.property.simulate import ILLEGAL, simulate
from tests.property.test_random_room import fused as roomy
from tests.sequences import made_of, queued, random_case

DRAWS = [sample, fused_sample, rich_sample, roomy, resuming(sample)]
NAMES = ["sample", "fused", "rich", "roomy", "resuming"]
PER_MODEL = 4
FAST = Options(clock_ps=10)


def parted(draw: Callable[[int], Sample]) -> Callable[[int], Sample]:
    """The samples of a generator whose memories have parts; some have wide ports or words, some a queue."""

    def drawn(seed: int) -> Sample:
        r, found = random.Random(f"parts {seed}"), draw(seed)
        more = ", dma_bits: 64" if r.random() < 0.3 else ""
        more += ", queue: 4" if r.random() < 0.3 else ""
        text = found.text.replace(
            "architecture: {", f"architecture: {{double_buffer: parts{more}, "
        ).replace(", }", "}")
        return replace(found, text=with_style(text, "wide") if r.random() < 0.3 else text)

    return drawn


def sequences(draw: Callable[[int], Sample], seeds: range, options: Options) -> int:
    """Simulate sequences of runs out of a queue; returns how many designs were legal."""
    texts, cases = {}, []
    for seed in seeds:
        text = parted(draw)(seed).text.replace(", queue: 4", "")
        try:
            made = made_of(queued(text, 8), options)
        except LegoError as error:
            assert error.code in ILLEGAL, f"{error}\n{text}"
            continue
        texts[made.device.top] = text
        cases.append(random_case(made, seed, 3))
    for verdict in verdicts_of(cases, seed=seeds.start):
        assert not verdict.failures, f"{verdict.failures}\n{texts[verdict.top]}"
    return len(cases)


@pytest.mark.parametrize("draw", DRAWS, ids=NAMES)
def test_designs(draw: Callable[[int], Sample]) -> None:
    assert simulate(parted(draw), range(PER_MODEL)) >= 1


def test_designs_with_every_register() -> None:
    assert simulate(parted(fused_sample), range(20, 20 + PER_MODEL), options=FAST) >= 1


def test_sequences() -> None:
    assert sequences(fused_sample, range(4), Options()) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWS, ids=NAMES)
@pytest.mark.parametrize("block", range(10))
def test_two_hundred_designs(block: int, draw: Callable[[int], Sample]) -> None:
    options = (Options(), FAST, Options(level=0))[block % 3]
    seeds = range(100 + block * PER_MODEL, 100 + (block + 1) * PER_MODEL)
    simulate(parted(draw), seeds, options=options)
    sequences(draw, seeds, options)
