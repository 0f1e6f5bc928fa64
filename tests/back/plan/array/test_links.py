"""Links: whatever an FU takes is what the other one used, so many cycles before; by every timestamp."""

from __future__ import annotations

import pytest

from lego.back.plan.array.fu_kind import Pick
from lego.back.plan.array.links import Link, PortChoice, link_plan, ordered
from lego.ir.adg import Fu, InputPlan
from tests.back.designs import DESIGNS, GEMM, design_of
from tests.back.timeline import Timeline, runs_of

BROADCAST = GEMM.replace("systolic", "broadcast").replace("[2, 2]", "[2, 3]").replace(
    "n: 2", "n: 3"
)  # fmt: skip


def check_link(run: Timeline, plan: InputPlan, fu: Fu, link: Link, number: int) -> int:
    """How many timestamps the link serves; each takes the element that it needs."""
    skew, served = run.adg.dataflow.skew, 0
    delay = link.delay
    if link.fifo >= 0:
        reuse = plan.delays[link.fifo]
        delay = reuse.cycles(run.trips, skew(reuse.shift), run.pauses)
    issued = {cycle: t for t, cycle in run.issued.items()}
    for t in run.timestamps:
        if number < 0 or run.reused(plan, number, t):
            used = issued[run.issued[t] + skew(fu) - delay - skew(link.fu)]
            assert run.element(plan, used, link.fu) == run.element(plan, t, fu)
            served += 1
    return served


@pytest.mark.parametrize("name", DESIGNS)
def test_links_bring_the_elements_that_fus_need(name: str) -> None:
    design, checked = design_of(DESIGNS[name]), 0
    for run in runs_of(design, seed=9):
        for buffer, links in zip(design.operands, design.array.links, strict=True):
            plan = buffer.plans[run.layer]
            if plan is None:
                continue
            for fu in run.adg.dataflow.fus():
                choice = links.choices[fu][run.layer]
                for number, link in choice.links:
                    checked += check_link(run, plan, fu, link, number)
                assert (choice.pick is Pick.LINK) == (fu not in run.adg.data_nodes(plan))
    assert checked or not any(links.passers for links in design.array.links)


def test_broadcasts_start_where_the_value_enters() -> None:
    """No chain of FUs: the third of a row takes X from the first, or where many do, from the memory."""
    design = design_of(BROADCAST)
    for spread in (False, True):
        plan = link_plan(design.fused, design.operands[0], spread=spread)
        for row in range(2):
            for column in (1, 2):
                (choice,) = plan.choices[row, column]
                link = Link((row, 0), 0, node=spread)
                assert choice == PortChoice(Pick.LINK, ((-1, link),))
        assert plan.passers == (set() if spread else {(0, 0), (1, 0)})


def test_inputs_are_numbered_by_distinct_sources() -> None:
    a, b = Link((0, 0), 1), Link((0, 1), 0)
    choices = [
        PortChoice(Pick.EITHER, ((0, b), (1, a))), None, PortChoice(Pick.LINK, ((-1, a),)),
    ]  # fmt: skip
    assert ordered(choices) == {b: 0, a: 1}
