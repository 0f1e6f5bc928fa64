"""Gating: what a dataflow doesn't use stands still, nothing else does, and nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.passes.analysis.usage import every, usage
from lego.back.passes.checks.gating_check import check_gated
from lego.back.passes.gating import ISOLATED, gate_idle, masks_of_ids
from lego.back.pipeline import PASSES, Options
from lego.designs import designs_of
from lego.diag import InternalError
from lego.ir.dag import Dag, Module, Node, Op
from sim.proof import unproven
from tests.designs import cases_of, random_bounds, verdicts_of

ROOT = Path(__file__).resolve().parents[3]
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))
FUSED = ("fifo_fused", "fused_gemm_bro", "fused_gemm_sys", "fused_one_node")
BYTE = (-128, 127)
REGISTERS = (Op.REG, Op.DELAY)


def ungated(path: Path) -> list[Dag]:
    """The designs of a workload as the pass sees them."""
    names = tuple(
        each.name for each in PASSES if each.name not in ("gating", "onehot", "broadcast")
    )
    return [lower(fused, Options(passes=names)).dag for fused in designs_of(load_workload(path))]


def fused_dag(name: str) -> Dag:
    (dag,) = ungated(ROOT / "tests" / "workloads" / f"{name}.yaml")
    return dag


def single(dag: Dag) -> bool:
    inputs = (n for m in dag.modules for n in m.nodes if n.op is Op.INPUT)
    return all(node.name != "dataflow" for node in inputs)


def with_node(dag: Dag, module: Module, at: int, node: Node) -> Dag:
    new = replace(module, nodes=(*module.nodes[:at], node, *module.nodes[at + 1 :]))
    return Dag(tuple(new if m.name == module.name else m for m in dag.modules))


def small(use: Callable[[Builder, int, int], list[int | None]]) -> Dag:
    """One module of two operands, whose result the dataflow chooses."""
    b = Builder("small", "fu", 4)
    chosen = b.choose(use(b, b.input("p", BYTE), b.input("q", BYTE)))
    b.output("y", b.wrap(chosen, (-(1 << 15), (1 << 15) - 1)))
    return Dag((infer_widths(b.build()),))


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_designs_of_one_dataflow_stay_as_they_are(path: Path) -> None:
    for dag in ungated(path):
        gated = gate_idle(dag)
        check_gated(dag, gated)
        if single(dag):
            assert gated == dag


def test_a_register_loads_when_it_matters() -> None:
    dag = small(lambda b, p, q: [b.delay(p, 2), q, b.delay(p, 2), q])
    (module,) = gate_idle(dag).modules
    found = [n for n in module.nodes if n.op is Op.DELAY]
    assert [module.nodes[n.srcs[1]].name for n in found] == ["active_0_2", "active_0_2"]
    truths = masks_of_ids(module, every(dag))
    assert {truths[n.srcs[1]] for n in found} == {0b0101}


def test_an_accumulator_keeps_its_own_condition() -> None:
    def use(b: Builder, p: int, q: int) -> list[int | None]:
        acc = b.reg(BYTE, name="acc", resets=False)
        b.drive(acc, p, b.input("load"))
        return [acc, q, q, q]

    dag = small(use)
    gated = gate_idle(dag)
    check_gated(dag, gated)
    (module,) = gated.modules
    (acc,) = (n for n in module.nodes if n.op is Op.REG)
    both = [module.nodes[s].name for s in module.nodes[acc.srcs[1]].srcs]
    assert both == ["load", "active_0"]
    assert unproven(dag, gated, steady=True) == []


def test_control_is_never_stopped() -> None:
    def use(b: Builder, p: int, q: int) -> list[int | None]:
        bit = b.delay(b.slice(p, 0, 1), 1)
        kept = b.delay(q, 1, resets=True)
        return [bit, kept, p, p]

    dag = small(use)
    assert gate_idle(dag) == dag


@pytest.mark.parametrize("mask", range(1, 15))
def test_every_set_of_dataflows_is_decoded(mask: int) -> None:
    dag = small(lambda b, p, q: [b.delay(q, 3) if mask >> d & 1 else p for d in range(4)])
    (module,) = gate_idle(dag).modules
    truths = masks_of_ids(module, every(dag))
    enables = {truths[n.srcs[1]] for n in module.nodes if n.op is Op.DELAY}
    assert enables == {mask}


def test_a_multiplier_gets_a_zero() -> None:
    dag = small(lambda b, p, q: [b.op(Op.MUL, p, q), p, p, p])
    gated = gate_idle(dag)
    check_gated(dag, gated)
    (module,) = gated.modules
    (mul,) = (n for n in module.nodes if n.op is Op.MUL)
    assert ISOLATED in [module.nodes[s].name for s in mul.srcs]
    assert unproven(dag, gated, steady=True) == []


def test_a_multiplier_whose_operands_stand_still_stays() -> None:
    def use(b: Builder, p: int, q: int) -> list[int | None]:
        return [b.op(Op.MUL, b.delay(p, 1), b.delay(q, 1)), p, p, p]

    (module,) = gate_idle(small(use)).modules
    assert not any(n.name == ISOLATED for n in module.nodes)


def enables(dag: Dag) -> list[tuple[Module, int]]:
    """Every register that gating stops, with its module."""
    return [
        (module, i)
        for module in dag.modules
        for i, node in enumerate(module.nodes)
        if node.op in REGISTERS and len(node.srcs) == 2
        if module.nodes[node.srcs[1]].name.startswith("active_")
    ]


@pytest.mark.parametrize("name", [FUSED[0], pytest.param(FUSED[1], marks=pytest.mark.slow)])
def test_a_register_that_stops_too_often_is_noticed_and_not_proven(name: str) -> None:
    before = fused_dag(name)
    after = gate_idle(before)
    assert unproven(before, after, steady=True) == []
    tried: set[str] = set()
    for module, at in enables(after):
        never = Node(Op.CONST, (), 0, 0)
        broken = with_node(after, module, module.nodes[at].srcs[1], never)
        with pytest.raises(InternalError):
            check_gated(before, broken)
        if module.name not in tried:
            tried.add(module.name)
            assert unproven(before, broken, timeout_s=5, steady=True) == [module.name]
    assert len(tried) > 1


def test_a_mask_of_one_dataflow_less_is_not_proven() -> None:
    dag = small(lambda b, p, q: [b.delay(p, 2), q, b.delay(p, 2), b.delay(p, 2)])
    gated = gate_idle(dag)
    assert unproven(dag, gated, steady=True) == []
    at = next(i for i, n in enumerate(gated.top.nodes) if n.op is Op.DELAY)
    node, truths = gated.top.nodes[at], masks_of_ids(gated.top, every(dag))
    assert truths[node.srcs[1]] == 0b1101
    wrong = [i for i, t in enumerate(truths) if t is not None and 0b1101 & ~t and i < at]
    for bit in wrong:
        broken = with_node(gated, gated.top, at, replace(node, srcs=(node.srcs[0], bit)))
        with pytest.raises(InternalError):
            check_gated(dag, broken)
        assert unproven(dag, broken, timeout_s=5, steady=True) == ["small"]
    assert len(wrong) > 1


def test_a_proof_needs_the_id_to_stand_still() -> None:
    """Gating isn't an equivalence of modules for any inputs, and isn't proven to be one."""
    before = fused_dag("fifo_fused")
    after = gate_idle(before)
    changed = [a.name for a, b in zip(before.modules, after.modules, strict=True) if a != b]
    assert changed
    assert unproven(before, after, timeout_s=5) == changed


def test_a_value_that_matters_elsewhere_is_compared() -> None:
    """What a module gives may differ only where nobody reads it: here the top always does."""
    before = small(lambda b, p, q: [b.delay(p, 1), q, q, q])
    after = small(lambda b, p, q: [b.delay(p, 1), q, q, p])
    assert unproven(before, after, timeout_s=5, steady=True) == ["small"]


def test_usage_that_forgets_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the analysis says of too little that it matters, modules that don't change are not proven."""
    before = fused_dag("fused_gemm_bro")
    after = gate_idle(before)

    def forgets(dag: Dag) -> dict[str, list[int]]:
        masks = usage(dag)
        for module in dag.modules:
            if module.category == "memory":
                masks[module.name] = [
                    0 if n.op is Op.INPUT and n.bits > 1 else mask
                    for n, mask in zip(module.nodes, masks[module.name], strict=True)
                ]
        return masks

    monkeypatch.setattr("sim.proof.usage", forgets)
    memories = {m.name for m in before.modules if m.category == "memory"}
    assert memories & set(unproven(before, after, timeout_s=5, steady=True))


def test_another_primitive_or_a_stopped_bit_is_noticed() -> None:
    before = fused_dag("fifo_fused")
    after = gate_idle(before)
    module, at = enables(after)[0]
    enable = module.nodes[at].srcs[1]
    for i, node in enumerate(module.nodes):
        if node.op is Op.DELAY and (node.resets or node.bits == 1) and i > enable:
            stopped = with_node(after, module, i, replace(node, srcs=(node.srcs[0], enable)))
            with pytest.raises(InternalError):
                check_gated(before, stopped)
            break
    swapped = {Op.MUX: Op.WIRE, Op.DELAY: Op.WIRE, Op.REG: Op.WIRE}
    for i, node in enumerate(module.nodes):
        if node.op in swapped and node.name != ISOLATED:
            other = with_node(after, module, i, replace(node, op=swapped[node.op]))
            with pytest.raises(InternalError):
                check_gated(before, other)


@pytest.mark.parametrize("name", FUSED)
def test_nobody_can_tell(name: str) -> None:
    """With and without gating, dataflows in random order: the reference's values, in the same cycles."""
    text = (ROOT / "tests" / "workloads" / f"{name}.yaml").read_text()
    without = tuple(each.name for each in PASSES if each.name != "gating")
    bounds = random_bounds(text, 3, 11)
    cases = cases_of(text, 11, bounds)
    other = text.replace(f"name: {name}", f"name: {name}x", 1)
    cases += cases_of(other, 11, bounds, passes=Options(passes=without))
    assert "active_" in cases[0].verilog and "active_" not in cases[1].verilog
    gated, plain = verdicts_of(cases)
    assert gated.failures == plain.failures == ()
    assert gated.cycles == plain.cycles
