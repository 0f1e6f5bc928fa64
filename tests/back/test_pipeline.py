"""The pass manager: every level builds the same behaviour, and every check notices a fault."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from frontends.yaml import load_text, load_workload
from lego.back.backend import lower
from lego.back.graph.measure import size_of
from lego.back.lower.core import build
from lego.back.passes.dead import check_pruned, remove_dead_ports
from lego.back.passes.delays import check_matched, delay_early, match_all
from lego.back.passes.widths import check_narrowed, narrow_widths
from lego.back.pipeline import PASSES, Options, Step, chosen
from lego.back.rtl import rtlil
from lego.back.rtl.amaranth import wide
from lego.back.rtl.verilog import to_verilog
from lego.back.schedule.stages import Ways
from lego.back.schedule.times import schedule
from lego.designs import designs_of
from lego.diag import InternalError, LegoError
from lego.ir.checks.check import check
from lego.ir.dag import Dag, Module, Node, Op
from lego.tools import Finished, run
from sim.equivalence import proven_equivalent
from tests.designs import cases_of, random_bounds, verdicts_of
from tests.property.generator import fused_sample

ROOT = Path(__file__).resolve().parents[2]
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))
ALONE = [Options(passes=()), *(Options(passes=(each.name,)) for each in PASSES), Options(level=1)]
GEMM = """\
name: g
operations:
  - name: mm
    loops: {m: 32, n: 20, k: 9}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 16, n: 16}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 9, n: 16}, temporal: [n, k, m], control: broadcast}
architecture: {array: [16, 16]}
"""
UNREACHED = """\
name: unreached
operations:
  - name: op
    loops: {i: 1, k: 1}
    statement: "Y[2*i,k] += A[k] * B[i]"
    formats: {A: int4, B: int4, Y: int16}
    dataflows:
      - {name: rows, spatial: {i: 2}, temporal: [k], control: systolic}
      - {name: columns, spatial: {k: 2}, temporal: [i], control: systolic}
"""
LATE = """\
name: late
operations:
  - name: op
    loops: {i: 4, k: 3}
    statement: "Y[i] += A[i,k] * B[i,k] * X[i+k-1]"
    formats: {A: int4, B: int4, X: int4, Y: int16}
    shapes: {X: [4]}
    pad: {X: 0}
    dataflow: {spatial: {i: 2}, temporal: [i, k], control: systolic}
architecture: {array: [2]}
"""
SQUARE = """\
name: s
operations:
  - name: sq
    loops: {i: 4, k: 5}
    statement: "Y[i] += X[i,k] * X[i,k] + A[i,k] * B[i,k] * C[i,k]"
    formats: {X: int3, A: int3, B: int3, C: int3, Y: int16}
    dataflow: {spatial: {i: 2}, temporal: [i, k], control: systolic}
architecture: {array: [2]}
"""


def raw(name: str) -> Dag:
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / f"{name}.yaml"))
    return build(fused).dag


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_pass_keeps_its_invariant(path: Path) -> None:
    for fused in designs_of(load_workload(path)):
        for options in (*ALONE, Options()):
            lower(fused, replace(options, verify=True))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fused_gemm_sys", marks=pytest.mark.slow),
        "fifo_fused",
        "polynomial_chain_small",
    ],
)
def test_every_pass_alone_is_bit_exact(name: str) -> None:
    text = (ROOT / "tests" / "workloads" / f"{name}.yaml").read_text()
    bounds = random_bounds(text, 3, 7)
    cases = []
    for k, options in enumerate(ALONE):
        changed = text.replace(f"name: {name}", f"name: {name}{k}", 1)
        cases += cases_of(changed, 7, bounds, passes=options)
    assert [v.failures for v in verdicts_of(cases)] == [()] * len(cases)


TREES = """\
name: trees
operations:
  - name: a
    loops: {m: 4, n: 2, k: 4}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int4, W: int4, Y: int32}
    dataflow: {spatial: {k: 4, n: 2}, temporal: [m], control: broadcast}
  - name: b
    loops: {m: 4, n: 2, k: 4}
    statement: "Z[m,n] += U[m,k] * V[k,n]"
    formats: {U: int4, V: int4, Z: int16}
    dataflow: {spatial: {k: 4, n: 2}, temporal: [m], control: broadcast}
architecture: {array: [4, 2]}
"""


@pytest.mark.parametrize("options", ALONE[:2], ids=lambda options: str(chosen(options)))
def test_trees_of_different_formats_are_different_modules(options: Options) -> None:
    (fused,) = designs_of(load_text(TREES))
    lower(fused, replace(options, verify=True))


@pytest.mark.parametrize("seed", [7064, 7070])
def test_narrow_ports_and_many_copies(seed: int) -> None:
    (fused,) = designs_of(load_text(fused_sample(seed).text))
    lower(fused, Options(fanout=2, verify=True))


def test_cycles_are_predicted_whatever_passes_ran() -> None:
    """The padded factor comes late; read together with the others it delays all."""
    (fused,) = designs_of(load_text(LATE))
    assert schedule(fused, Ways(matched=False)).tails > schedule(fused).tails
    cases = cases_of(LATE, 5, random_bounds(LATE, 2, 5))
    cases += cases_of(
        LATE.replace("late", "early", 1), 5, random_bounds(LATE, 2, 5), passes=ALONE[0]
    )
    matched, straight = verdicts_of(cases)
    assert matched.failures == straight.failures == ()
    assert [b - a for a, b in zip(matched.cycles, straight.cycles, strict=True)] == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("options", ALONE, ids=lambda options: str(chosen(options)))
def test_every_pass_is_bit_exact_at_16x16(options: Options) -> None:
    (case,) = cases_of(GEMM, 3, random_bounds(GEMM, 2, 3), passes=options)
    (verdict,) = verdicts_of([case])
    assert verdict.failures == ()


def test_delay_matching_is_proven_equivalent() -> None:
    """A square is early and wide: its factor waits instead."""
    (fused,) = designs_of(load_text(SQUARE))
    dag = build(fused, Ways(matched=False)).dag
    early, matched = (to_verilog(place(dag)) for place in (delay_early, match_all))
    assert size_of(match_all(dag)).bits < size_of(delay_early(dag)).bits
    assert proven_equivalent(early, matched, fused.name)


def test_delay_matching_saves_registers_where_paths_wait() -> None:
    """A third factor is read a cycle later, instead of waiting in every FU."""
    path = ROOT / "tests" / "workloads" / "mttkrp_small.yaml"
    (fused,) = designs_of(load_workload(path))
    late, early = lower(fused, Options(level=1)).dag, lower(fused, Options(passes=("dead",))).dag
    assert size_of(late).bits < size_of(early).bits


def changed(dag: Dag, module: Module, at: int, node: Node) -> Dag:
    nodes = (*module.nodes[:at], node, *module.nodes[at + 1 :])
    new = replace(module, nodes=nodes)
    return Dag(tuple(new if m.name == module.name else m for m in dag.modules))


def test_a_missing_register_is_noticed() -> None:
    before = raw("polynomial_chain_small")
    after = match_all(before)
    found = 0
    for fu in (module for module in after.modules if module.category == "fu"):
        for at, node in enumerate(fu.nodes):
            if node.op is Op.DELAY:
                broken = changed(after, fu, at, replace(node, op=Op.WIRE))
                with pytest.raises(InternalError):
                    check_matched(before, broken)
                found += 1
    assert found > 3


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_port_used_at_another_time_is_noticed(side: str) -> None:
    before = raw("gemm_os_sys")
    after = match_all(before)
    check_matched(before, after)
    fu = next(m for m in before.modules if m.category == "fu" and m.contract)
    assert fu.contract is not None
    assert {"X_pass", "result"} <= {name for name, _ in fu.contract.outputs}
    for port, at in getattr(fu.contract, side):
        times = tuple({**dict(getattr(fu.contract, side)), port: at + 1}.items())
        late = replace(fu, contract=replace(fu.contract, **{side: times}))
        broken = Dag(tuple(late if m.name == fu.name else m for m in before.modules))
        with pytest.raises(InternalError):
            check_matched(broken, after)


def test_what_an_fu_passes_on_leaves_when_it_is_used() -> None:
    """A held operand whose port is narrower than its register: waiting before the register would
    save bits, but the FU that takes it would get it late."""
    text = fused_sample(1212).text
    (fused,) = designs_of(load_text(text))
    lower(fused, Options(verify=True))
    (verdict,) = verdicts_of(cases_of(text, 1212, [fused_sample(1212).bounds]), seed=1212)
    assert verdict.failures == ()


def test_a_lost_primitive_is_noticed() -> None:
    before = match_all(raw("gemm_os_sys"))
    after = remove_dead_ports(before)
    check_pruned(before, after)
    module = next(m for m in after.modules if any(n.op is Op.AND for n in m.nodes))
    at = next(i for i, node in enumerate(module.nodes) if node.op is Op.AND)
    node = module.nodes[at]
    with pytest.raises(InternalError):
        check_pruned(before, changed(after, module, at, replace(node, op=Op.OR)))
    with pytest.raises(InternalError):
        check_pruned(before, before)


def test_a_primitive_too_narrow_is_noticed() -> None:
    before = raw("gemm_os_sys")
    after = narrow_widths(before)
    check_narrowed(before, after)
    found = 0
    for module in after.modules:
        for at, node in enumerate(module.nodes):
            if node.op in (Op.ADD, Op.MUL) or node.claim is not None:
                narrow = replace(node, low=node.range[0] // 2, high=node.range[1] // 2)
                with pytest.raises(InternalError):
                    check_narrowed(before, changed(after, module, at, narrow))
                found += node.claim is not None
    assert found > 3


def test_what_goes_straight_through_a_module_is_as_narrow_as_what_it_is_given() -> None:
    """Nothing in the module is evaluated to a smaller interval: only its port is."""
    byte = Node(Op.INPUT, (), 0, 255, name="a")
    inner = Module("inner", "control", (byte,), (("q", 0),))
    nodes = (
        Node(Op.CONST, (), 3, 3, value=3),
        Node(Op.INSTANCE, (0,), 0, 0, name="i", text="inner", ports=("a",)),
        Node(Op.PORT, (1,), 0, 255, name="i_q", text="q"),
        Node(Op.ADD, (2, 0), 0, 258),
        Node(Op.STAGE, (3,), 0, 258),
    )
    top = Module("top", "control", nodes, (("q", 4),))
    after = narrow_widths(Dag((inner, top)))
    assert [node.range for node in after.top.nodes if node.op in (Op.PORT, Op.ADD)] == [
        (3, 3),
        (6, 6),
    ]


def test_banks_that_no_node_reaches_have_ports_that_fit() -> None:
    """The second FU stands beyond the only row, and no dataflow writes its bank."""
    (fused,) = designs_of(load_text(UNREACHED))
    lower(fused, Options(verify=True))


def test_fus_that_are_alike_under_all_dataflows_are_one_module() -> None:
    (fused,) = designs_of(load_workload(ROOT / "workloads" / "gemm_multi.yaml"))
    kinds = [m for m in build(fused).dag.modules if m.category == "fu"]
    assert len({replace(m, name="") for m in kinds}) == len(kinds) == 9


def test_sums_have_the_bits_of_their_terms() -> None:
    """64 products of int8: 22 bits, where the result's format has 32."""
    (fused,) = designs_of(load_workload(ROOT / "workloads" / "gemm.yaml"))
    wide, narrow = (lower(fused, Options(passes=names)).dag for names in ((), ("widths",)))
    for dag, bits in ((wide, 32), (narrow, 22)):
        sums = {n.bits for m in dag.modules for n in m.nodes if n.name == "acc"}
        assert sums == {bits}


def test_a_wrong_width_is_noticed() -> None:
    dag = match_all(raw("gemm_os_sys"))
    check(dag)
    fu = next(m for m in dag.modules if m.category == "fu")
    at = next(i for i, node in enumerate(fu.nodes) if node.op is Op.INPUT)
    node = fu.nodes[at]
    with pytest.raises(InternalError):
        check(changed(dag, fu, at, replace(node, low=node.range[0] * 2, high=node.range[1] * 2)))


def test_passes_by_name_and_level() -> None:
    assert chosen(Options(level=0)) == ()
    assert chosen(Options(level=2)) == tuple(each.name for each in PASSES)
    assert chosen(Options(passes=("broadcast", "delays"))) == ("delays", "broadcast")
    for wrong in ({"passes": ("fold",)}, {"level": 3}, {"fanout": 1}):
        with pytest.raises(LegoError, match="E904"):
            chosen(Options(**wrong))  # type: ignore[arg-type]


def test_steps_tell_sizes() -> None:
    steps: list[Step] = []
    (fused,) = designs_of(load_text(GEMM))
    lower(fused, Options(), steps.append)
    assert [step.name for step in steps] == [each.name for each in PASSES]
    for one, other in pairwise(steps):
        assert one.after == other.before
    named = {step.name: step for step in steps}
    assert named["pins"].after == named["reductions"].before
    assert named["widths"].after.bits < named["widths"].before.bits
    assert named["dead"].after.primitives < named["dead"].before.primitives
    assert named["broadcast"].after.registers > named["broadcast"].before.registers


def test_two_processes_write_the_same_rtl(monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "tests" / "workloads" / "fifo_fused.yaml"
    (fused,) = designs_of(load_workload(path))
    dag = lower(fused).dag
    alone = to_verilog(dag)
    monkeypatch.setattr(rtlil, "LARGE", 0)
    monkeypatch.setattr(rtlil, "START", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    started: list[list[str]] = []

    def watched(argv: list[str], **how: Any) -> Finished:
        started.append(argv)
        return run(argv, **how)

    monkeypatch.setattr(rtlil, "run", watched)
    assert to_verilog(dag) == alone
    assert len(started) == 1

    def lost(argv: list[str], **how: Any) -> Finished:
        return run(["true"], cwd=how["cwd"], timeout_s=9)

    for broken in (lost, lambda argv, **how: run(["false"], cwd=how["cwd"], timeout_s=9)):
        monkeypatch.setattr(rtlil, "run", broken)
        assert to_verilog(dag) == alone


@pytest.mark.parametrize("bits", [8, 64])
def test_modules_with_more_port_bits_than_a_cell_may_have(
    bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a 64x64 array has them; here the limit is lower instead."""
    path = ROOT / "tests" / "workloads" / "gemm_os_sys.yaml"
    (fused,) = designs_of(load_workload(path))
    dag = lower(fused).dag
    narrow = to_verilog(dag)
    monkeypatch.setattr(wide, "BITS", bits)
    assert to_verilog(dag) != narrow
    assert proven_equivalent(narrow, to_verilog(dag), fused.name)
    (verdict,) = verdicts_of(cases_of(path.read_text(), 3, random_bounds(path.read_text(), 2, 3)))
    assert verdict.failures == ()
