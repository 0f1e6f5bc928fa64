"""Bodies of sums, cut to the bits that count, are proven to be what whole ones are in these bits."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from frontends.yaml import load_text
from lego.back.graph.body import build_body
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.core import build
from lego.back.passes.delays import delay_early
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.designs import designs_of
from lego.ir.dag import Dag, Module, Node, Op
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import Integer
from sim.proof import unproven

SPANS = ((-16, 15), (0, 15), (-4, 3))
SHIFTS = (BinaryOp.SHL, BinaryOp.SHR)


def random_body(r: random.Random, depth: int) -> Expr:
    """Of every operator, products most often."""
    if depth == 0:
        return r.choice([Operand(0), Operand(1), Operand(2), Literal(r.randint(-9, 9))])
    op = r.choice([*BinaryOp, BinaryOp.MUL, BinaryOp.MUL, *UnaryOp])
    left = random_body(r, depth - 1)
    if isinstance(op, UnaryOp):
        return Unary(op, left)
    right = random_body(r, depth - 1 if r.random() < 0.5 else 0)
    return Binary(op, left, Literal(r.randint(0, 5)) if op in SHIFTS else right)


def bodies(expr: Expr, fmt: Integer, *, halved: bool) -> tuple[Module, Module]:
    """The whole body, wrapped at its end, and the one that is cut on the way; without registers."""
    made = []
    for into in (None, fmt):
        b = Builder("top", "fu")
        given = [b.input(f"x{k}", span) for k, span in enumerate(SPANS)]
        value = build_body(b, expr, given, into=into, halved=halved)
        b.output("y", b.wrap(value, (fmt.low, fmt.high)))
        module = infer_widths(b.build())
        nodes = tuple(replace(node, latency=0, claim=None) for node in module.nodes)
        made.append(replace(module, nodes=nodes))
    return made[0], made[1]


@pytest.mark.parametrize("seed", range(40))
def test_what_counts_is_proven_equal(seed: int) -> None:
    r = random.Random(seed)
    fmt = Integer(r.random() < 0.5, r.randint(2, 6))
    whole, cut = bodies(random_body(r, 2 + seed % 2), fmt, halved=seed % 3 == 0)
    assert unproven(Dag((whole,)), Dag((cut,)), timeout_s=20) == []


def product_bits(module: Module) -> list[int]:
    """Bits that are read of each multiplier."""
    readers: dict[int, list[Node]] = {}
    for node in module.nodes:
        for source in node.srcs:
            readers.setdefault(source, []).append(node)
    products = [i for i, node in enumerate(module.nodes) if node.op is Op.MUL]
    return [
        max(n.bits if n.op is Op.WRAP else module.nodes[i].bits for n in readers[i])
        for i in products
    ]


def test_multipliers_are_as_narrow_as_what_counts() -> None:
    squared = Binary(BinaryOp.MUL, Operand(0), Operand(1))
    cubed = Binary(BinaryOp.MUL, squared, Operand(2))
    four = Integer(True, 4)
    for expr, expected in (
        (squared, [4]),
        (cubed, [4, 4]),
        (Binary(BinaryOp.SHL, squared, Literal(3)), [1]),
        (Binary(BinaryOp.SHR, squared, Literal(2)), [6]),
        (Unary(UnaryOp.NEG, squared), [4]),
        (Unary(UnaryOp.ABS, squared), [9]),
        (Binary(BinaryOp.MAX, squared, Operand(2)), [9]),
    ):
        whole, cut = bodies(expr, four, halved=False)
        assert product_bits(cut) == expected, expr
        assert max(product_bits(whole)) >= (4 if expr is squared else 9)
    factors = [n for n in bodies(squared, four, halved=False)[1].nodes if n.op is Op.MUL]
    assert [n.bits for n in factors] == [8]  # 4 by 4 bits, of which 4 are read


def test_another_cut_is_not_proven() -> None:
    expr = Unary(UnaryOp.ABS, Binary(BinaryOp.MUL, Operand(0), Operand(1)))
    whole, _ = bodies(expr, Integer(True, 4), halved=False)
    b = Builder("top", "fu")
    given = [b.input(f"x{k}", span) for k, span in enumerate(SPANS)]
    product = b.wrap(b.op(Op.MUL, *given[:2]), (-8, 7))
    b.output("y", b.wrap(b.op(Op.ABS, product), (-8, 7)))
    assert unproven(Dag((whole,)), Dag((infer_widths(b.build()),)), timeout_s=20) == ["top"]


TEXT = """name: narrow
operations:
  - name: mm
    loops: {i: 4, j: 4, k: 4}
    statement: "Y[i,j] += X[i,k] * W[k,j] + (X[i,k] << 2)"
    formats: {X: int4, W: uint3, Y: int3}
    dataflow: {spatial: {i: 2, j: 2}, temporal: [i, j, k], control: systolic}
"""


@pytest.mark.parametrize("stages", [NO_STAGES, Stages(carries=True)], ids=["plain", "carries"])
def test_a_whole_design_is_proven_equal(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accumulators included, module by module."""
    made = []
    for wraps in (False, True):
        with monkeypatch.context() as patch:
            if not wraps:
                for place in ("lego.back.plan.array.sums", "lego.back.fu.unit"):
                    patch.setattr(f"{place}.wraps_in", lambda _: None)
            dag = build(designs_of(load_text(TEXT))[0], stages=stages).dag
        made.append(delay_early(dag))
    assert made[0] != made[1]
    assert unproven(made[0], made[1]) == []
