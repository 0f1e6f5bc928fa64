"""The kinds of all FUs of small arrays, as one would draw them."""

from __future__ import annotations

from lego.back.plan.array.fu_kind import Pick, SumKind
from lego.back.plan.array.kinds import distinct
from lego.back.plan.array.links import Link
from tests.back.designs import CHAIN, GEMM, LEVELS, SEVERAL, TREE, design_of

ROOT = SumKind(link=-1, before=0, sums=1, root=True)


def picks(text: str, port: int, layer: int = 0) -> dict[tuple[int, ...], Pick | None]:
    kinds = design_of(text).array.kinds
    found = {fu: kind.ports[port].picks[layer] for fu, kind in kinds.items()}
    return {fu: None if pick is None else pick[0] for fu, pick in found.items()}


def test_operands_enter_at_the_edges() -> None:
    """X at the left column, W at the upper row; every other FU takes them from a neighbour."""
    assert picks(GEMM, 0) == {
        (0, 0): Pick.NODE, (0, 1): Pick.LINK, (1, 0): Pick.NODE, (1, 1): Pick.LINK,
    }  # fmt: skip
    assert picks(GEMM, 1) == {
        (0, 0): Pick.NODE, (0, 1): Pick.NODE, (1, 0): Pick.LINK, (1, 1): Pick.LINK,
    }  # fmt: skip
    kinds = design_of(GEMM).array.kinds
    assert [kind.ports[0].passes for kind in kinds.values()] == [True, False, True, False]
    assert [kind.ports[1].passes for kind in kinds.values()] == [True, True, False, False]


def test_weights_stay_while_the_innermost_counter_runs() -> None:
    assert set(picks(CHAIN, 1).values()) == {Pick.HOLD}


def test_every_fu_of_an_output_stationary_array_is_a_root() -> None:
    plan = design_of(GEMM).array
    assert {kind.sums for kind in plan.kinds.values()} == {(ROOT,)}
    assert not plan.givers
    assert all(before == (None,) for before in plan.before.values())


def test_sums_go_down_the_chain() -> None:
    """Along `k`, three FUs: partial results 1, 2 and 3, the last one commits."""
    plan = design_of(CHAIN).array
    for column in range(2):
        parts = [plan.kinds[row, column].sums[0] for row in range(3)]
        assert parts == [
            SumKind(-1, 0, 1, root=False),
            SumKind(0, 1, 2, root=False),
            SumKind(0, 2, 3, root=True),
        ]
        # a neighbour is reached a cycle later, which its register takes
        assert plan.before[1, column] == (Link((0, column), 0),)
        assert plan.before[2, column] == (Link((1, column), 0),)
    assert plan.givers == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert [plan.kinds[row, 0].gives_sum for row in range(3)] == [True, True, False]


def test_trees_are_outside() -> None:
    """Every FU's value leaves; the first of each column gets the total of three."""
    plan = design_of(TREE).array
    assert all(kind.bare for kind in plan.kinds.values())
    for column in range(2):
        parts = [plan.kinds[row, column].sums[0] for row in range(3)]
        assert parts == [SumKind(-1, 0, 3, root=True, tree=0), None, None]


def test_a_tree_of_levels_ends_in_the_last_level() -> None:
    kinds = design_of(LEVELS).array.kinds
    parts = {fu: kind.sums[0] for fu, kind in kinds.items() if kind.sums[0] is not None}
    assert parts == {(2, 0): SumKind(-1, 0, 6, root=True, tree=0)}


def test_several_dataflows_have_one_entry_each() -> None:
    """The pool reads one operand and has no sums to pass; under `ws` rows of two FUs do."""
    plan = design_of(SEVERAL).array
    assert picks(SEVERAL, 0, layer=2) == dict.fromkeys(plan.kinds)
    last = plan.kinds[1, 0].sums
    assert last == (ROOT, SumKind(0, 1, 2, root=True), ROOT)
    assert plan.kinds[1, 0].masks == ((), (0,), ())


def test_links_are_numbered_once() -> None:
    a, b = Link((0, 0), 1), Link((0, 1), 0)
    assert distinct([b, None, a, b]) == {b: 0, a: 1}
