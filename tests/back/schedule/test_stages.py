"""Pipeline registers for a clock: chosen by estimates, bit-exact, and enough on a real library."""

from __future__ import annotations

from dataclasses import asdict, astuple, replace
from itertools import pairwise
from pathlib import Path

import pytest

from frontends.yaml import load_text, load_workload
from lego.back.backend import lower
from lego.back.lower.core import build
from lego.back.passes.widths import narrow_widths
from lego.back.pipeline import Options
from lego.back.plan.design import plan_of
from lego.back.rtl.verilog import to_verilog
from lego.back.schedule.estimate import stages_for
from lego.back.schedule.stages import NO_STAGES, Stages
from lego.back.schedule.times import schedule
from lego.compile import compile_workload, device_of
from lego.designs import designs_of
from lego.ir.dag import Op
from lego.ir.device import devices_from_json
from lego.ir.fused import FusedAdg
from lego.ppa.library import read_library
from lego.ppa.sram import black_boxes
from lego.ppa.synthesis import synthesise
from lego.ppa.timing import clock_of
from tests.designs import cases_of, verdicts_of

ROOT = Path(__file__).resolve().parents[3]
FASTEST = Options(clock_ps=10)

# The sums of an element meet in its bank every `m` cycles.
REVISITED = """\
name: revisited
operations:
  - name: mm
    loops: {m: 6, n: 4, k: 12}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflow: {spatial: {k: 4, n: 4}, temporal: [n, k, m], control: systolic}
architecture: {array: [4, 4]}
"""


def asked(fused: FusedAdg, period_ps: int) -> Stages:
    lowered = build(fused)
    return stages_for(narrow_widths(lowered.dag), lowered.parts, plan_of(fused), period_ps)


def stages_of(name: str, period_ps: int) -> Stages:
    (fused,) = designs_of(load_workload(ROOT / "workloads" / f"{name}.yaml"))
    return asked(fused, period_ps)


@pytest.mark.parametrize("name", ["gemm", "attention", "conv_mnicoc"])
def test_a_faster_clock_has_no_fewer_stages(name: str) -> None:
    found = [stages_of(name, period) for period in (10_000, 2500, 1800, 1400, 1100, 800, 10)]
    assert found[0] == NO_STAGES
    for slow, fast in pairwise(found):
        assert all(b >= a for a, b in zip(astuple(slow), astuple(fast), strict=True))
    assert found[-1].events and found[-1].read and found[-1].banks


def test_stages_are_for_what_a_design_has() -> None:
    """One source per operand, and sums that stay in their FUs: nothing to cut there. Where data nodes have
    the adders of sums in memory, banks have none."""
    fastest = stages_of("gemm", 10)
    assert not fastest.choice and not fastest.sums
    assert stages_of("conv_mnicoc", 10) == replace(Stages(*[True] * 9), sums=False)
    assert stages_of("gemm_multi", 10).sums


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_a_sum_is_forwarded_at_any_distance(m: int) -> None:
    cases = cases_of(REVISITED, m, [{"m": m, "n": 3, "k": 11}], passes=FASTEST)
    cases += cases_of(REVISITED.replace("revisited", "plain", 1), m, [{"m": m, "n": 3, "k": 11}])
    late, plain = verdicts_of(cases)
    assert late.failures == plain.failures == ()
    assert [a - b for a, b in zip(late.cycles, plain.cycles, strict=True)] == [8, 8]


# One dataflow adds in the banks, in a narrower format than the other, which doesn't.
FORMATS = """\
name: formats
operations:
  - name: a
    loops: {k: 6, i: 4, j: 4}
    statement: "Y[i,j] += A[i,k] * B[k,j]"
    formats: {A: int8, B: int8, Y: int9}
    dataflow: {name: inner, spatial: {k: 2, j: 2}, temporal: [k, j, i], control: systolic}
  - name: b
    loops: {p: 4, q: 4}
    statement: "Z[p,q] = C[p] * D[q]"
    formats: {C: int8, D: int8, Z: int32}
    dataflow: {name: flat, spatial: {p: 2, q: 2}, temporal: [q, p], control: systolic}
architecture: {array: [2, 2]}
"""


def test_only_what_adds_in_banks_goes_through_their_adders() -> None:
    cases = cases_of(FORMATS, 1, passes=FASTEST)
    unsigned = FORMATS.replace("Y: int9", "Y: uint8").replace("formats", "most", 1)
    cases += cases_of(unsigned, 1, passes=FASTEST)
    assert [verdict.failures for verdict in verdicts_of(cases)] == [(), ()]


WIDTHS = """\
name: widths
operations:
  - name: a
    loops: {{i: 5, j: 4, k: 3}}
    statement: "Y[i,j] += A[i,k] * B[k,j]"
    formats: {{A: {a}, B: {b}, Y: int32}}
    dataflow: {{name: inner, spatial: {{i: 2, j: 2}}, temporal: [k, j, i], control: broadcast}}
architecture: {{array: [2, 2]}}
"""


@pytest.mark.parametrize(
    ("a", "b"),
    [("int8", "uint8"), ("uint5", "int16"), ("int3", "int3"), ("uint3", "int4"), ("int2", "uint13")],
)  # fmt: skip
def test_products_of_halves_are_exact(a: str, b: str) -> None:
    text = WIDTHS.format(a=a, b=b)
    texts = [text.replace("widths", f"widths{seed}", 1) for seed in range(3)]
    cases = [case for k, each in enumerate(texts) for case in cases_of(each, k, passes=FASTEST)]
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()] * len(cases)
    (fused,) = designs_of(load_text(text))
    bits = [
        [module.nodes[source].bits for source in node.srcs]
        for module in lower(fused, FASTEST).dag.modules
        if module.category == "fu"
        for node in module.nodes
        if node.op is Op.MUL
    ]
    whole = sorted(int(fmt.removeprefix("u").removeprefix("int")) for fmt in (a, b))
    assert bits
    assert whole[1] < 4 or all(min(each) * max(each) < whole[0] * whole[1] for each in bits)


def test_sums_add_in_halves_where_a_whole_one_is_too_slow() -> None:
    """22 bits in the accumulators of 256 FUs; the lower half has a carry, the upper one takes it."""
    assert not stages_of("gemm", 1100).carries
    assert stages_of("gemm", 1000).carries
    (fused,) = designs_of(load_text(REVISITED))
    for options, most in ((Options(), 18), (FASTEST, 10)):
        lowered = lower(fused, options)
        dag, times = lowered.dag, lowered.times
        fus = [module for module in dag.modules if module.category == "fu"]
        sums = [n.bits for m in fus for n in m.nodes if n.op is Op.ADD and "sum" in n.origin]
        assert bool(times.split) == (options is FASTEST)
        assert max(sums) == most


def test_least_and_largest_values_have_no_halves() -> None:
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / "min_distance_small.yaml"))
    assert not asked(fused, 10).carries
    assert schedule(fused, stages=Stages(carries=True)).split == 0


@pytest.mark.parametrize(
    "name", ["polynomial_small", "mttkrp_small", "fused_mixed", "min_distance_small"]
)
def test_all_stages_keep_the_bits(name: str) -> None:
    text = (ROOT / "tests" / "workloads" / f"{name}.yaml").read_text()
    cases = cases_of(text, 1, passes=FASTEST)
    assert [verdict.failures for verdict in verdicts_of(cases)] == [()] * len(cases)


@pytest.mark.parametrize("name", ["double_ws", "fused_gemm_bro", "conv_ic_oc_bro"])
def test_copies_of_registers_have_names_of_their_own(name: str) -> None:
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / f"{name}.yaml"))
    dag = lower(fused, Options(clock_ps=10, fanout=2, verify=True)).dag
    for module in dag.modules:
        names = [node.name for node in module.nodes if node.op is Op.INSTANCE]
        assert len(names) == len(set(names))


# Results of all nodes take turns at 4 banks, which add.
TURNS = """\
name: turns
operations:
  - name: sums
    loops: {m: 8, n: 8, k: 6}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 4, n: 4}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 4, n: 4}, temporal: [n, k, m], control: systolic}
architecture: {array: [4, 4]}
"""


@pytest.mark.parametrize("stages", [Stages(commits=True), Stages(commits=True, sums=True)])
def test_requests_of_results_leave_a_cycle_earlier(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bits and the cycles are those without the registers."""
    bounds = [{"m": 7, "n": 5, "k": 3}, {"m": 1, "n": 8, "k": 1}]
    cases = cases_of(TURNS.replace("turns", "now", 1), 1, bounds)
    monkeypatch.setattr("lego.back.backend.stages_for", lambda *_: stages)
    cases += cases_of(TURNS, 1, bounds, passes=FASTEST)
    now, early = verdicts_of(cases)
    assert now.failures == early.failures == ()
    late = 2 * stages.sums
    assert [a - b for a, b in zip(early.cycles, now.cycles, strict=True)] == [late] * len(
        now.cycles
    )


def test_a_clock_has_commits_early_only_where_results_are_slow() -> None:
    """16 nodes' addresses are chosen and compared at each bank of `gemm_multi`; at those of `gemm`
    nothing adds."""
    assert not stages_of("gemm", 1000).commits
    found = stages_of("gemm_multi", 1000)
    assert found.commits and not found.banks


def test_slow_clocks_change_nothing() -> None:
    (fused,) = designs_of(load_text(REVISITED))
    assert str(lower(fused, Options(clock_ps=9000)).dag) == str(lower(fused).dag)


def test_the_manifest_tells_the_stages() -> None:
    workload = load_text(REVISITED)
    for options, stages in ((FASTEST, list(asdict(NO_STAGES))), (Options(), [])):
        made = compile_workload(workload, source=b"", options=options)
        (device,) = devices_from_json(made["device.json"])
        assert list(device.stages) == stages
        assert (", ".join(["events", "banks"]) in made["report.md"].decode()) == bool(stages)


@pytest.mark.parametrize(("clock", "met"), [(None, False), (1050, True)])
def test_a_clock_asked_for_is_met(clock: int | None, met: bool, tmp_path: Path) -> None:
    """4x4 int8: a multiplier between two registers takes 1.07 ns if it isn't sized for less."""
    text = (ROOT / "workloads" / "gemm.yaml").read_text()
    text = text.replace(": 16", ": 4").replace("[16, 16]", "[4, 4]")
    (fused,) = designs_of(load_text(text))
    lowered = lower(fused, Options(clock_ps=clock))
    dag = lowered.dag
    macros = black_boxes(device_of(plan_of(fused), lowered))
    verilog = tmp_path / "design.v"
    verilog.write_text(to_verilog(dag))
    library = read_library(None)
    netlist = synthesise(verilog, fused.name, macros, library, tmp_path, flat=False, clock_ps=clock)
    timing = clock_of(netlist, library, macros)
    assert (timing.period_ps <= 1050) == met, timing
    if met:
        assert "array." in timing.path
