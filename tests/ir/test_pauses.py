"""Pauses of a run: they keep data nodes apart at all bounds, are rarely longer than they must be, and their
closed forms are the same numbers."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from frontends.yaml import load_text, load_workload
from lego.designs import designs_of
from lego.ir.adg import Adg, InputPlan
from lego.ir.closed import symbol
from lego.ir.cycles import issue_cycles, weights
from lego.ir.operation import Reduction
from lego.ir.pauses import pauses_of

ROOT = Path(__file__).resolve().parents[1] / "workloads"

GEMM = """
name: g
operations:
  - name: mm
    loops: {m: 9, n: 9, k: 9}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 3, n: 3}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 3, n: 3}, temporal: [n, k, m], control: systolic}
      - {name: is, spatial: {m: 3, k: 3}, temporal: [m, k, n], control: systolic}
architecture: {array: [3, 3]}
"""
NAMES = [
    "fused_gemm_sys",
    "gemm_os_bro",
    "conv_oh_ow_bro",
    "conv_ic_oc_sys",
    "fused_mixed",
    "depthwise_small",
    "fifo_fused",
]


def designs(name: str) -> list[Adg]:
    workload = load_text(GEMM) if name == "gemm" else load_workload(ROOT / f"{name}.yaml")
    return [layer.adg for fused in designs_of(workload) for layer in fused.layers]


def conflicts(adg: Adg, trips: tuple[int, ...], pauses: tuple[int, ...]) -> bool:
    """Whether two data nodes of an operand use one bank in one cycle, walking through the run."""
    per_step = weights(trips, pauses)
    for plan in adg.operands():
        b, used, uses = plan.banking, set(), 0
        held = plan.hold
        if not isinstance(plan, InputPlan) and adg.reduction is Reduction.ASSIGN:
            held = 0
        acting = len(trips) - held
        for t in itertools.product(*(range(n) for n in trips[:acting])):
            at = (*t, *[0] * held)
            cycle = sum(a * x for a, x in zip(per_step, at, strict=True))
            for fu in adg.data_nodes(plan):
                element = tuple(
                    sum(a * x for a, x in zip(rt, at, strict=True))
                    + sum(a * x for a, x in zip(rs, fu, strict=True))
                    + offset
                    for rt, rs, offset in zip(plan.time, plan.space, plan.offset, strict=True)
                )
                digits = tuple(x % n for x, n in zip(b.digits(element), b.counts, strict=True))
                used.add((cycle + b.phase(fu), digits))
                uses += 1
        if len(used) < uses:
            return True
    return False


def trips_of(adg: Adg) -> list[tuple[int, ...]]:
    """The largest trips, and smaller ones."""
    full = adg.dataflow.trips(adg.op)
    inner = [(*full[:-1], n) for n in range(1, full[-1] + 1)]
    return [full, *inner, *(tuple(max(1, n // by) for n in full) for by in (2, 3))]


@pytest.mark.parametrize("name", ["gemm", *NAMES])
def test_no_two_nodes_use_a_bank_in_one_cycle(name: str) -> None:
    for adg in designs(name):
        assert not any(pauses_of(adg, adg.dataflow.trips(adg.op)))
        for trips in trips_of(adg):
            pauses = pauses_of(adg, trips)
            assert all(a <= b for a, b in zip(pauses, adg.longest_pauses, strict=True))
            assert not conflicts(adg, trips, pauses)


@pytest.mark.parametrize("name", ["gemm", "gemm_os_bro", "conv_oh_ow_bro"])
def test_no_shorter_run_is_free_of_conflicts(name: str) -> None:
    for adg in designs(name):
        for trips in trips_of(adg):
            if any(n == 1 for n in trips[:-1]):
                continue  # with one pass only, a pause changes nothing
            found = pauses_of(adg, trips)
            for pauses in itertools.product(*(range(n + 1) for n in adg.longest_pauses)):
                if issue_cycles(trips, pauses) < issue_cycles(trips, found):
                    assert conflicts(adg, trips, pauses), (trips, found, pauses)


@pytest.mark.parametrize("name", ["gemm", *NAMES])
def test_closed_forms_are_the_numbers(name: str) -> None:
    for adg in designs(name):
        full = adg.dataflow.trips(adg.op)
        names = [symbol(f"t{k}") for k in range(len(full))]
        closed = pauses_of(adg, names)
        cycles = issue_cycles(names, closed)
        for trips in trips_of(adg):
            values = dict(zip(names, trips, strict=True))
            found = [int(p.subs(values)) if hasattr(p, "subs") else p for p in closed]
            assert tuple(found) == pauses_of(adg, trips)
            assert int(cycles.subs(values)) == issue_cycles(trips, tuple(found))


def test_results_wait_where_a_pass_is_shorter_than_their_turns() -> None:
    os, ws, _ = designs("gemm")
    assert os.longest_pauses == (0, 0, 2)
    assert pauses_of(os, (3, 3, 1)) == (0, 0, 2)  # three FUs share a bank
    assert pauses_of(os, (3, 3, 3)) == (0, 0, 0)
    assert [pauses_of(ws, (3, 3, m))[2] for m in (1, 2, 3, 4, 5, 6)] == [2, 1, 0, 2, 1, 0]
