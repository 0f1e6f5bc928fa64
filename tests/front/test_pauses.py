"""Pauses of a run: the shortest that keep data nodes apart, at random bounds of random designs."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from frontends.yaml import load_text, load_workload
from lego.designs import adgs_of
from lego.front.pauses import least_pauses
from lego.ir.adg import Adg, InputPlan
from lego.ir.cycles import issue_cycles, weights
from lego.ir.operation import Reduction

ROOT = Path(__file__).resolve().parents[1] / "workloads"

GEMM = """
name: g
operations:
  - name: mm
    loops: {m: 8, n: 8, k: 9}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: os, spatial: {m: 3, n: 3}, temporal: [m, n, k], control: systolic}
      - {name: ws, spatial: {k: 3, n: 3}, temporal: [n, k, m], control: systolic}
      - {name: is, spatial: {m: 3, k: 3}, temporal: [m, k, n], control: systolic}
architecture: {array: [3, 3]}
"""


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


@pytest.mark.parametrize(
    "name", ["gemm_multi", "gemm_os_bro", "conv_oh_ow_bro", "fused_mixed", "depthwise_small"]
)
def test_no_shorter_run_is_free_of_conflicts(name: str) -> None:
    workload = load_text(GEMM) if name == "gemm_multi" else load_workload(ROOT / f"{name}.yaml")
    for adg in adgs_of(workload):
        full, most = adg.dataflow.trips(adg.op), adg.longest_pauses
        assert least_pauses(adg, full) == (0,) * len(full)
        for shrink in (1, 2, 3):
            trips = tuple(max(1, -(-n // shrink) - (shrink > 1)) for n in full)
            found = least_pauses(adg, trips)
            assert all(a <= b for a, b in zip(found, most, strict=True))
            assert not conflicts(adg, trips, found)
            shorter = issue_cycles(trips, found)
            for pauses in itertools.product(*(range(n + 1) for n in most)):
                if issue_cycles(trips, pauses) < shorter:
                    assert conflicts(adg, trips, pauses)


def test_results_wait_where_a_pass_is_shorter_than_their_turns() -> None:
    adg = adgs_of(load_text(GEMM))[0]
    assert adg.longest_pauses == (0, 0, 4)
    assert least_pauses(adg, (3, 3, 1)) == (0, 0, 2)  # three FUs share a bank
    assert least_pauses(adg, (3, 3, 3)) == (0, 0, 0)
