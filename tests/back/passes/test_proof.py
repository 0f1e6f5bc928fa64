"""Every pass is proven to keep the behaviour of every design, from the RTL before and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.lower.core import build
from lego.back.passes.delays import delay_early
from lego.back.pipeline import PASSES, Options, Step, optimise
from lego.back.schedule.stages import NO_STAGES, Stages, Ways
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op
from sim.proof import unproven
from tests.designs import shipped

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = shipped()
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))
SAMPLE = ("gemm", "attention", "fifo_fused", "polynomial_chain_small", "double_ws")
FANOUT = 4
"""So that arrays of 4x4 have registers with too many pins."""


def text_of(path: Path) -> str:
    """The workload, on an array of at most 4x4."""
    return path.read_text().replace(": 16", ": 4").replace("[16, 16]", "[4, 4]")


STAGES = Stages(True, True, True, True, True, products=False, carries=True)
"""All but halved multipliers, which are as hard to prove as whole ones."""


def steps_of(text: str, stages: Stages = NO_STAGES) -> list[tuple[str, Dag, Dag]]:
    """Every pass with the graph before and after it, registers placed."""
    found = []
    for fused in designs_of(load_text(text)):
        before = build(
            fused, Ways(balanced=False), stages=stages
        ).dag  # the passes find all there is to do
        steps: list[Step] = []
        optimise(before, Options(fanout=FANOUT), steps.append)
        for step in steps:
            found.append((step.name, delay_early(before), delay_early(step.dag)))
            before = step.dag
    return found


def prove(path: Path, stages: Stages = NO_STAGES) -> None:
    steps = steps_of(text_of(path), stages)
    assert {name for name, _, _ in steps} == {each.name for each in PASSES}
    steady = {each.name for each in PASSES if each.steady}
    for name, before, after in steps:
        assert unproven(before, after, steady=name in steady) == [], name


@pytest.mark.parametrize(
    "path", [p for p in SHIPPED + SMALL if p.stem in SAMPLE], ids=lambda path: path.stem
)
def test_passes_are_proven_equivalent(path: Path) -> None:
    prove(path)


@pytest.mark.parametrize(
    "name", ["mttkrp_small", pytest.param("fused_gemm_sys", marks=pytest.mark.slow)]
)
def test_passes_are_proven_equivalent_with_stages(name: str) -> None:
    """Chains and accumulators, in one adder and in two, as halves."""
    prove(ROOT / "tests" / "workloads" / f"{name}.yaml", STAGES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [p for p in SHIPPED + SMALL if p.stem not in SAMPLE], ids=lambda path: path.stem
)
def test_passes_are_proven_equivalent_on_every_design(path: Path) -> None:
    prove(path)


def other_primitive(node: Node) -> Node | None:
    swapped = {Op.ADD: Op.SUB, Op.AND: Op.OR, Op.LT: Op.EQ, Op.MIN: Op.MAX}
    return replace(node, op=swapped[node.op]) if node.op in swapped else None


def other_source(node: Node) -> Node | None:
    return replace(node, srcs=(node.srcs[0], *node.srcs[:0:-1])) if node.op is Op.MUX else None


def narrower(node: Node) -> Node | None:
    low, high = node.range
    held = node.op is Op.REG and high > 3
    return replace(node, low=low // 2, high=high // 2) if held else None


def no_register(node: Node) -> Node | None:
    if node.op is not Op.DELAY:
        return None
    return replace(node, op=Op.WIRE, srcs=node.srcs[:1], value=0, resets=False)


HARMLESS = {
    (other_source, "agu_in1"),  # the remainder of a division by two, by its lowest bit
}


@pytest.mark.parametrize("fault", [other_primitive, other_source, narrower, no_register])
def test_a_fault_is_not_proven(fault: Callable[[Node], Node | None]) -> None:
    """One fault in every module that can have it."""
    *_, (_, _, dag) = steps_of(text_of(ROOT / "tests" / "workloads" / "fifo_fused.yaml"))
    tried = 0
    for k, module in enumerate(dag.modules):
        ports = {node for _, node in module.outputs}  # of the width that others know
        inner = ((i, node) for i, node in enumerate(module.nodes) if i not in ports)
        broken = [(i, fault(node)) for i, node in inner if fault(node)]
        if not broken or any(node.op is Op.MEMORY for node in module.nodes):
            continue
        at, node = broken[len(broken) // 2]
        assert node is not None
        changed = replace(module, nodes=(*module.nodes[:at], node, *module.nodes[at + 1 :]))
        after = Dag((*dag.modules[:k], changed, *dag.modules[k + 1 :]))
        harmless = (fault, module.name.removeprefix("fifo_fused_")) in HARMLESS
        assert unproven(dag, after, timeout_s=5) == [module.name] * (not harmless), node
        tried += 1
    assert tried > 10


def test_a_lost_output_is_noticed() -> None:
    _, (_, before, after), *_ = steps_of(text_of(ROOT / "tests" / "workloads" / "gemm_os_sys.yaml"))
    top = replace(after.top, outputs=after.top.outputs[1:])
    with pytest.raises(InternalError):
        unproven(before, Dag((*after.modules[:-1], top)))


def child(name: str, more: int) -> Module:
    b = Builder(name, "fu")
    b.output("y", b.wrap(b.add(b.input("a", BYTE), b.const(more)), BYTE))
    return infer_widths(b.build())


def parent(use: Callable[[Builder, int], int], span: tuple[int, int] = (0, 255)) -> Module:
    b = Builder("top", "control")
    b.output("y", b.wrap(use(b, b.input("a", span)), BYTE))
    return infer_widths(b.build())


BYTE = (0, 255)
CHILDREN = child("one", 1), child("three", 3)


def holds(which: int) -> Module:
    return parent(lambda b, a: b.instance(CHILDREN[which], "u", {"a": a})["y"])


def twice(b: Builder, a: int) -> int:
    first = b.instance(CHILDREN[0], "u", {"a": b.wrap(b.const(3), BYTE)})["y"]
    b.instance(CHILDREN[0], "v", {"a": a})
    return first


CLAIMED = parent(lambda b, a: b.wrap(a, (0, 7), claim=(0, 7)))
LEAST = parent(lambda b, a: b.op(Op.MIN, a, b.const(7)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (holds(0), holds(1)),
        (holds(0), parent(twice)),
        (LEAST, CLAIMED),
        (parent(lambda b, a: a), parent(lambda b, a: a, (0, 15))),
        (
            parent(lambda b, a: b.op(Op.SUB, a, b.input("a_part1", BYTE))),
            parent(lambda b, a: b.const(0)),
        ),
        (parent(lambda b, a: a), parent(lambda b, a: b.input("a_part0", BYTE))),
    ],
    ids=["another module", "twice", "a new claim", "narrower pins", "like a part", "a new pin"],
)
def test_what_a_proof_of_modules_does_not_see(before: Module, after: Module) -> None:
    assert unproven(Dag((*CHILDREN, before)), Dag((*CHILDREN, after)), timeout_s=5) == ["top"]


def test_a_ram_is_what_it_was() -> None:
    *_, (_, _, dag) = steps_of(text_of(ROOT / "tests" / "workloads" / "gemm_os_sys.yaml"))
    k = next(k for k, m in enumerate(dag.modules) if any(node.op is Op.MEMORY for node in m.nodes))
    nodes = tuple(replace(n, extent=2) if n.op is Op.MEMORY else n for n in dag.modules[k].nodes)
    other = replace(dag.modules[k], nodes=nodes)
    after = Dag((*dag.modules[:k], other, *dag.modules[k + 1 :]))
    assert unproven(dag, after) == [other.name]
