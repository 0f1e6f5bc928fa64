"""The gaps between runs, against all that data nodes do in two runs: every bank in every cycle."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from lego.ir.adg import InputPlan
from lego.ir.gaps import (
    gap_after,
    gap_before,
    longest_after,
    longest_before,
    moves_on,
    safe_gap,
)
from lego.program import configure
from tests.back.designs import CHAIN, GEMM, ROTATING, ROUNDS, WAITING, design_of
from tests.back.timeline import Timeline

TALL = WAITING.replace("{m: 3, n: 2}", "{m: 4, n: 2}").replace("[3, 2]", "[4, 2]")
WIDE = ROTATING.replace("{m: 4, n: 4}", "{m: 2, n: 4}").replace("{k: 4, n: 4}", "{k: 2, n: 4}")
TEXTS = [GEMM, CHAIN, ROTATING, ROUNDS, WAITING, TALL, WIDE]


def uses(run: Timeline) -> Iterator[tuple[str, int, int]]:
    """The memory, the bank and the cycle after the first issue of all that nodes do that take turns."""
    for plan in run.adg.operands():
        layout = run.program.layouts[plan.name]
        if not plan.banking.shared:
            continue
        for t, fu in itertools.product(run.timestamps, run.adg.data_nodes(plan)):
            reads = isinstance(plan, InputPlan)
            if run.fetched(plan, t, fu) if reads else run.commits(t, fu):
                bank = layout.bank(run.element(plan, t, fu))
                yield plan.name, bank, run.issued[t] + plan.banking.phase(fu)


def waits(run: Timeline) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """The node, when its result is finished, and when its turn comes."""
    output = run.adg.output
    for t, fu in itertools.product(run.timestamps, run.adg.data_nodes(output)):
        held = t[len(t) - output.hold :]
        ends = run.trips[len(t) - output.hold :]
        if output.banking.shared and all(x == n - 1 for x, n in zip(held, ends, strict=True)):
            issue = run.issued[t]
            yield fu, issue + run.adg.dataflow.skew(fu), issue + output.banking.phase(fu)


def clash(first: Timeline, second: Timeline, gap: int) -> bool:
    """Whether two nodes meet, or a result is overwritten that waits, so many idle cycles apart."""
    begins = first.span + gap
    taken = set(uses(first))
    if any((name, bank, cycle + begins) in taken for name, bank, cycle in uses(second)):
        return True
    last = {fu: (done, turn) for fu, done, turn in waits(first)}
    new = dict[tuple[int, ...], int]()
    for fu, done, _ in waits(second):
        new.setdefault(fu, done + begins)
    return any(new[fu] < turn for fu, (_, turn) in last.items() if fu in new)


def runs(text: str, seed: int, count: int) -> Iterator[tuple[Timeline, Timeline]]:
    """Pairs of runs of one dataflow at random bounds."""
    design, r = design_of(text), random.Random(seed)
    for k, adg in enumerate(design.adgs):
        for _ in range(count):
            pair = [
                {loop.name: r.randint(1, loop.extent) for loop in adg.op.loops} for _ in range(2)
            ]
            one, other = (
                Timeline(design, k, configure(design, bounds, dataflow=k)) for bounds in pair
            )
            yield one, other


@pytest.mark.parametrize("text", TEXTS)
def test_runs_are_kept_apart(text: str) -> None:
    for first, second in runs(text, seed=1, count=30):
        adg = first.adg
        after = gap_after(adg, first.trips, first.pauses)
        before = gap_before(adg, second.trips, second.pauses)
        assert after <= longest_after(adg) <= safe_gap(adg)
        assert before <= longest_before(adg) <= safe_gap(adg)
        allowed = [
            gap
            for gap in range(max(after, before), safe_gap(adg) + 4)
            if not moves_on(adg) or gap == after or gap >= safe_gap(adg)
        ]
        assert allowed
        assert not any(clash(first, second, gap) for gap in allowed)


def test_gaps_are_no_longer_than_they_must_be() -> None:
    """Where all FUs work in all passes of two equal runs, one idle cycle less makes nodes meet."""
    found = 0
    for text in TEXTS:
        for first, _ in runs(text, seed=2, count=60):
            adg = first.adg
            gap = max(
                gap_after(adg, first.trips, first.pauses),
                gap_before(adg, first.trips, first.pauses),
            )
            full = all(
                first.bounds[loop] % size == 0
                for loop, size in zip(adg.dataflow.spatial_loops, adg.dataflow.sizes, strict=True)
            )
            if gap and full and not moves_on(adg):
                assert clash(first, first, gap - 1), (text, first.program.bounds)
                found += 1
    assert found > 10


def test_a_gap_of_none_is_too_short_where_passes_are() -> None:
    """So the runs above could have met."""
    met = [
        clash(first, second, 0) for text in TEXTS for first, second in runs(text, seed=3, count=10)
    ]
    assert any(met)
    assert not all(met)
