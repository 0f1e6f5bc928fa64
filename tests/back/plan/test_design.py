"""Plans of designs."""

from __future__ import annotations

from lego.back.plan.design import plan_of
from tests.back.designs import CHAIN, GEMM, SEVERAL, TREE, design_of

TURNING = CHAIN.replace("{k: 3, n: 2}", "{k: 2, n: 1}").replace("[3, 2]", "[2, 1]")


def test_a_plan_is_its_own() -> None:
    design = design_of(GEMM)
    assert plan_of(design) is design
    assert plan_of(design.fused).registers == design.registers
    assert plan_of(design.adgs[0]).registers == design.registers


def test_memories_are_operands_then_results() -> None:
    design = design_of(GEMM)
    assert [buffer.name for buffer in design.buffers] == ["X", "W", "Y"]
    assert [buffer.name for buffer in design.operands] == ["X", "W"]
    assert design.results.name == "Y"
    assert [buffer.output for buffer in design.buffers] == [False, False, True]


def test_views_are_of_the_layers_that_use_a_memory() -> None:
    """The pool reads one tensor, which lies where the matrices' second operand does."""
    design = design_of(SEVERAL)
    assert [view is None for view in design.views[0]] == [False, False, True]
    assert [view is None for view in design.views[1]] == [False] * 3
    first = list(design.views_of(design.buffers[0]))
    assert [view.adg for view in first] == design.adgs[:2]


def test_sums_in_memory_have_units_or_not() -> None:
    """Two data nodes add in two banks: at the banks. One adds in as many as columns of results."""
    design = design_of(CHAIN)
    assert (design.at_nodes, design.units) == (False, 2)
    assert (design_of(GEMM).at_nodes, design_of(GEMM).units) == (False, 0)


def test_fifos_of_one_register_are_counted() -> None:
    """W comes back after the trips of `n` and `k` in all six FUs, X after those of `k` in three."""
    design = design_of(TREE)
    reuses = [
        reuse for plan in design.adgs[0].inputs for reuse in plan.delays if reuse.programmable
    ]
    assert [len(reuse.fus) for reuse in reuses] == [3, 6]
    assert design.programmed == 6
    assert design_of(GEMM).programmed == 0
