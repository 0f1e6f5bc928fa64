"""Chains that become trees: their depth, their value, and the design around them."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from frontends.yaml import load_text
from lego.back.backend import lower
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.passes.reductions import _depths, balance_reductions, balanced, check_balanced
from lego.back.pipeline import Options
from lego.back.schedule.stages import Ways
from lego.back.schedule.times import schedule
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.checks.check import check
from lego.ir.dag import Contract, Dag, Module, Op
from tests.back.passes.test_passes import evaluate
from tests.back.test_pipeline import cases_of, verdicts_of

KINDS = (Op.ADD, Op.MUL, Op.MIN, Op.MAX)

TERMS = """\
name: {name}
operations:
  - name: dots
    loops: {{m: 5, n: 6, k: 4}}
    statement: "Y[m,n] += A[m,k] * B[k,n] + C[m,k] * B[k,n] + A[m,k] * D[n] + C[m,k] * D[n]"
    formats: {{A: int4, B: int4, C: int4, D: int4, Y: int24}}
    dataflow: {{spatial: {{m: 2, n: 3}}, temporal: [m, n, k], control: {control}}}
architecture: {{array: [2, 3]}}
"""

PARTLY_SHARED = """\
name: partly_shared
operations:
  - name: three
    loops: {m: 2, n: 2}
    statement: "Y[m,n] += A[m] + B[n] + C[m,n]"
    formats: {A: int4, B: int4, C: int4, Y: int16}
    dataflow: {spatial: {m: 2}, temporal: [m, n], control: broadcast}
  - name: four
    loops: {m: 4, n: 2}
    statement: "Z[m,n] += A[m] + B[n] + C[m,n] + D[n]"
    formats: {D: int4, Z: int16}
    shapes: {A: [4]}
    dataflow: {spatial: {m: 4}, temporal: [m, n], control: broadcast}
"""
"""The chain of three is part of that of four, but half of the FUs run only the latter."""


def chain(op: Op, depths: tuple[int, ...], latency: int = 1) -> Module:
    """((x0 op x1) op x2) ..., where x_k has gone through so many other primitives."""
    b = Builder("m", "fu")
    leaves = []
    for k, depth in enumerate(depths):
        leaf = b.input(f"x{k}", (-3, 5))
        for _ in range(depth):
            leaf = b.op(Op.NEG, leaf, latency=1)
        leaves.append(leaf)
    total = leaves[0]
    for leaf in leaves[1:]:
        total = b.op(op, total, leaf, latency=latency)
    b.output("y", total)
    return replace(infer_widths(b.build()), contract=Contract(()))


def depth_of(module: Module) -> int:
    return _depths(module)[dict(module.outputs)["y"]]


def best(depths: tuple[int, ...], latency: int) -> int:
    """Least depth over all trees, by trying every pair."""
    if len(depths) == 1:
        return depths[0]
    found = []
    for a, b in itertools.combinations(range(len(depths)), 2):
        rest = tuple(d for k, d in enumerate(depths) if k not in (a, b))
        found.append(best((*rest, max(depths[a], depths[b]) + latency), latency))
    return min(found)


@pytest.mark.parametrize("seed", range(25))
def test_the_depth_is_the_least_of_all_trees(seed: int) -> None:
    r = random.Random(seed)
    depths = tuple(r.randint(0, 4) for _ in range(r.randint(2, 6)))
    op, latency = r.choice(KINDS), r.randint(1, 2)
    before = chain(op, depths, latency)
    after = balanced(before)
    assert depth_of(after) == best(depths, latency)
    check(Dag((after,)))
    check_balanced(Dag((before,)), Dag((after,)))
    for _ in range(20):
        given = {f"x{k}": r.randint(-3, 5) for k in range(len(depths))}
        ends = [evaluate(m, given)[dict(m.outputs)["y"]] for m in (before, after)]
        assert ends[0] == ends[1]


def test_what_arrives_late_is_combined_last() -> None:
    arrivals = (("x0", 3), ("x1", 3), ("x2", 4), ("x3", 5))
    module = replace(chain(Op.ADD, (0,) * 4), contract=Contract(arrivals))
    assert depth_of(module) == 6
    assert balanced(module) == module
    late = replace(module, contract=Contract((("x0", 5),)))
    assert depth_of(late) == 8
    assert depth_of(balanced(late)) == 6
    check_balanced(Dag((late,)), Dag((balanced(late),)))
    with pytest.raises(InternalError, match="another reduction"):
        check_balanced(Dag((module,)), Dag((replace(balanced(late), contract=module.contract),)))


def test_a_tree_of_trees_is_as_deep_as_its_trees() -> None:
    b = Builder("m", "fu")
    x = [b.input(f"x{k}", (0, 3)) for k in range(4)]
    product = x[0]
    for leaf in x[1:]:
        product = b.op(Op.MUL, product, leaf, latency=1)
    total = product
    for leaf in x[:3]:
        total = b.op(Op.ADD, total, leaf, latency=1)
    b.output("y", total)
    module = replace(infer_widths(b.build()), contract=Contract(()))
    assert (depth_of(module), depth_of(balanced(module))) == (6, 3)


def test_a_chain_of_which_another_dataflow_takes_a_part() -> None:
    cases = cases_of(PARTLY_SHARED, 1, [{"m": 2, "n": 2}], passes=Options(verify=True))
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()] * len(cases)


def test_what_others_read_stays() -> None:
    b = Builder("m", "fu")
    x = [b.input(f"x{k}", (0, 7)) for k in range(4)]
    first = b.op(Op.ADD, x[0], x[1], latency=1)
    second = b.op(Op.ADD, first, x[2], latency=1)
    b.output("y", b.op(Op.ADD, second, x[3], latency=1))
    b.output("z", second)
    module = infer_widths(b.build())
    assert balanced(module) == module


def test_other_primitives_in_between_and_no_latency_stay() -> None:
    for module in (chain(Op.SUB, (0,) * 4), chain(Op.ADD, (0,) * 4, 0), chain(Op.ADD, (0, 0))):
        assert balanced(module) == module


def test_modules_without_a_contract_stay() -> None:
    module = replace(chain(Op.ADD, (0,) * 4), contract=None)
    assert balance_reductions(Dag((module,))) == Dag((module,))


def test_a_lost_operand_and_more_depth_are_noticed() -> None:
    before = chain(Op.ADD, (0,) * 5)
    after = balanced(before)
    last = len(after.nodes) - 1
    other = after.nodes[last].reading((after.nodes[last].srcs[0],) * 2)
    lost = replace(after, nodes=(*after.nodes[:last], other))
    for wrong, right in ((lost, before), (before, after)):
        with pytest.raises(InternalError, match="another reduction"):
            check_balanced(Dag((right,)), Dag((wrong,)))


@pytest.mark.parametrize("control", ["broadcast", "systolic"])
def test_a_body_of_four_terms_is_faster_and_bit_exact(control: str) -> None:
    text = TERMS.format(name="terms", control=control)
    (fused,) = designs_of(load_text(text))
    saved = schedule(fused, Ways(balanced=False)).contribution - schedule(fused).contribution
    assert saved == 1
    straight = TERMS.format(name="straight", control=control)
    cases = cases_of(text, 1, [{"m": 5, "n": 6, "k": 4}, {"m": 4, "n": 5, "k": 3}])
    cases += cases_of(straight, 1, [{"m": 5, "n": 6, "k": 4}], passes=Options(level=0))
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()] * len(cases)


def test_registers_are_saved() -> None:
    (fused,) = designs_of(load_text(TERMS.format(name="terms", control="broadcast")))
    without = Options(passes=("pins", "widths", "delays", "dead", "broadcast"))
    found = [lower(fused, options) for options in (Options(), without)]
    kinds = [each.dag.module(each.parts.fus[0]) for each in found]
    registers = [sum(n.bits for n in m.nodes if n.op in (Op.REG, Op.DELAY)) for m in kinds]
    assert registers[0] < registers[1]
