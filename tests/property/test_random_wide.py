"""Random operations with macros of several banks wherever they can be: the ADG and the RTL against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from frontends.yaml import load_text
from lego.back.plan.design import plan_of
from lego.back.plan.memory.bank_view import Mode
from lego.designs import designs_of
from lego.diag import LegoError
from tests.designs import with_style
from tests.property.generator import Sample, fused_sample, sample
from tests.property.simulate import check_architecture, simulate
from tests.property.windows import window_sample

PER_BLOCK = 50
PER_MODEL = 10


def wide(draw: Callable[[int], Sample]) -> Callable[[int], Sample]:
    """The samples of a generator with wide memories."""

    def drawn(seed: int) -> Sample:
        found = draw(seed)
        return Sample(with_style(found.text, "wide"), found.bounds)

    return drawn


def uses_of(draw: Callable[[int], Sample], seeds: range) -> set[tuple[str, bool, bool]]:
    """What occurs in the designs of these seeds with wide memories: control, turns, banks that move."""
    found = set()
    for seed in seeds:
        try:
            fused = designs_of(load_text(wide(draw)(seed).text))[0]
        except LegoError:
            continue
        for layer in fused.layers:
            control = "skewed" if any(layer.adg.dataflow.control) else "level"
            bankings = [p.banking for p in layer.adg.inputs if p.banking.along >= 0]
            found |= {(control, banking.shared, not banking.fixed) for banking in bankings}
    return found


def test_the_seeds_have_all_kinds_of_use() -> None:
    found = uses_of(sample, range(40)) | uses_of(fused_sample, range(40))
    level = {("level", False, False), ("level", False, True)}
    assert found >= level | {("skewed", False, False), ("skewed", False, True)}
    assert any(shared for _, shared, _ in found)


def test_windows_lie_across_macros_and_begin_with_them() -> None:
    """Some begin so, and in some only the last nodes read beyond the macros in which they begin."""
    found = set()
    for seed in range(60):
        fused = designs_of(load_text(wide(window_sample)(seed).text))[0]
        for banking in (plan.banking for layer in fused.layers for plan in layer.adg.inputs):
            found.add((banking.shift > 0, banking.skip > 0))
    assert found == {(False, False), (False, True), (True, False), (True, True)}


def test_the_seeds_have_results_of_all_kinds() -> None:
    """With banks of their own, in turn and at once; one or several in a word; added to in memory or not."""
    found = set()
    for draw, seed in [(d, s) for d in (sample, fused_sample) for s in range(100)]:
        try:
            plan = plan_of(designs_of(load_text(wide(draw)(seed).text))[0])
        except LegoError:
            continue
        for view in plan.views_of(plan.results):
            if view.plan.banking.along >= 0:
                several = max(map(len, view.written)) > 1
                found.add((view.mode, several, view.adg.output.accumulates))
    modes = Mode.PRIVATE, Mode.IN_TURN, Mode.TURNING
    assert {(mode, several) for mode, several, _ in found} == set(product(modes, (False, True)))
    assert {(mode, adds) for mode, _, adds in found} == set(product(modes, (False, True)))


@pytest.mark.parametrize("block", range(2))
@pytest.mark.parametrize("draw", [sample, fused_sample, window_sample])
def test_architectures(draw: Callable[[int], Sample], block: int) -> None:
    seeds = range(block * PER_BLOCK, (block + 1) * PER_BLOCK)
    assert sum(check_architecture(wide(draw), seed) for seed in seeds) > 20


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
@pytest.mark.parametrize("draw", [sample, fused_sample, window_sample])
def test_thousands_of_architectures(draw: Callable[[int], Sample], block: int) -> None:
    for seed in range(10_000 + block * PER_BLOCK, 10_000 + (block + 1) * PER_BLOCK):
        check_architecture(wide(draw), seed)


@pytest.mark.parametrize("block", range(2))
@pytest.mark.parametrize("draw", [sample, fused_sample, window_sample])
def test_designs(draw: Callable[[int], Sample], block: int) -> None:
    seeds = range(100 + block * PER_MODEL, 100 + (block + 1) * PER_MODEL)
    assert simulate(wide(draw), seeds) >= PER_MODEL // 2


@pytest.mark.slow
@pytest.mark.parametrize("block", range(30))
@pytest.mark.parametrize("draw", [sample, fused_sample, window_sample])
def test_hundreds_of_designs(draw: Callable[[int], Sample], block: int) -> None:
    simulate(wide(draw), range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))
