"""Collectors: the levels of a reduction by trees, one behind the other."""

from __future__ import annotations

import random

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.array.trees import Trees
from lego.back.passes.delays import delay_early
from lego.ir.dag import Dag
from tests.back.designs import LEVELS, SEVERAL, TREE
from tests.back.machine import Machine
from tests.back.timeline import rooms_of

MAXIMA = LEVELS.replace("+=", "max=").replace("X[m,k,l] *", "X[m,k,l] +")


def collected(text: str) -> tuple[Machine, Trees, dict[tuple[int, ...], int]]:
    """The collectors between ports, by FU, and the skews of FUs."""
    rooms = rooms_of(text)
    trees, b = Trees(rooms.design, rooms.times), Builder("collectors", "interconnect")
    totals = trees.declare(b)
    fus = rooms.design.fused.fus()
    span = (-(1 << 31), (1 << 31) - 1)
    given = {fu: b.input(f"c_{fu[0]}_{fu[1]}", span) for fu in fus}
    trees.collect(b, given, totals)
    for (k, root), wire in totals.items():
        b.output(f"total_{k}_{root[0]}_{root[1]}", wire)
    dag = delay_early(Dag((*trees.modules, infer_widths(b.build()))))
    flow = rooms.design.adgs[0].dataflow
    return Machine(dag.top, dag.modules), trees, {fu: flow.skew(fu) for fu in fus}


@pytest.mark.parametrize(
    ("text", "joined", "late"),
    [
        (TREE, sum, {(0, 0): 2, (0, 1): 2}),  # a level of three: two registers deep
        (LEVELS, sum, {(2, 0): 2}),  # levels of two by a tree, three levels by a chain
        (MAXIMA, max, {(2, 0): 2}),
    ],
    ids=["tree", "levels", "maxima"],
)
def test_totals_are_those_of_all_fus(text: str, joined: object, late: dict[object, int]) -> None:
    machine, trees, skews = collected(text)
    roots = [fu for fu in skews if trees.inputs(fu)]
    assert set(roots) == set(late)
    r, n = random.Random(2), 12
    values = {fu: [r.randint(-90, 90) for _ in range(n)] for fu in skews}
    found = machine.run(
        {f"c_{fu[0]}_{fu[1]}": values[fu][max(0, min(n - 1, cycle - skews[fu]))] for fu in skews}
        for cycle in range(n + 20)
    )
    for root in roots:
        members = [fu for fu in skews if len(roots) == 1 or fu[1] == root[1]]
        for k in range(n):
            (total,) = (port for port in found[0] if port.endswith(f"_{root[0]}_{root[1]}"))
            at = k + skews[root] + late[root]
            assert found[at][total] == joined(values[fu][k] for fu in members)


def test_dataflows_without_trees_have_no_collectors() -> None:
    rooms = rooms_of(SEVERAL)
    trees = Trees(rooms.design, rooms.times)
    b = Builder("collectors", "interconnect")
    assert trees.declare(b) == {}
    trees.collect(b, {}, {})
    assert (trees.modules, b.nodes) == ([], [])


def test_alike_levels_have_one_module() -> None:
    """The first level takes no sum, the second and the third do but count other terms."""
    _, trees, _ = collected(LEVELS)
    assert [m.name for m in trees.modules] == [f"levels_op_collect_{k}" for k in range(3)]
    assert [("sum_in" in str(m)) for m in trees.modules] == [False, True, True]
