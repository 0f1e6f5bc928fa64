"""How far data nodes turn over banks: the digits that they meet, and what tells the amounts."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontends.yaml import load_text, load_workload
from lego.back.backend import lower
from lego.back.graph.builder import Builder
from lego.back.graph.measure import size_of
from lego.back.lower.control.turns import amount
from lego.back.lower.core import build
from lego.back.pipeline import Options
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.turn import Turn, _turn, reached, turn_of
from lego.back.schedule.stages import Ways
from lego.designs import designs_of
from lego.diag import LegoError
from lego.ir.dag import Op
from lego.ir.hardware import MemoryStyle
from tests.back.machine import machine_of
from tests.designs import ROOT, cases_of, verdicts_of, with_style
from tests.property.generator import fused_sample, sample


def views_of(text: str) -> list[BankView]:
    try:
        designs = designs_of(load_text(text))
    except LegoError:  # no bank function, or too large
        return []
    return [
        BankView(layer.adg, plan)
        for fused in designs
        for buffer in fused.buffers()
        for layer, plan in zip(fused.layers, buffer.plans, strict=True)
        if plan is not None
    ]


def digits_met(view: BankView, dim: int) -> set[int]:
    """The bank digits of the least element, one timestamp after the other."""
    plan, banking = view.plan, view.plan.banking
    found = set()
    for t in itertools.product(*(range(n) for n in view.adg.dataflow.trips(view.adg.op))):
        element = tuple(
            low + sum(a * k for a, k in zip(row, t, strict=True))
            for low, row in zip(view.start, plan.time, strict=True)
        )
        found.add(banking.digits(element)[dim] % banking.counts[dim])
    return found


@pytest.mark.parametrize("seed", range(40))
def test_digits_reached_are_those_of_all_timestamps(seed: int) -> None:
    for view in views_of((sample(seed) if seed % 2 else fused_sample(seed)).text):
        for dim in view.moving:
            assert set(reached(view, dim)) == digits_met(view, dim)


@given(st.integers(2, 24), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_the_amount_tells_every_digit(count: int, r: random.Random) -> None:
    digits = tuple(sorted(r.sample(range(count), r.randint(1, count))))
    for low in range(count):
        turn = _turn(digits, low, count)
        found = {(low + (value << turn.start)) % count for value in turn.values}
        assert found == set(digits)
        assert len(turn.values) == len(digits)


@given(st.integers(2, 17), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_primitives_compute_the_amount(count: int, r: random.Random) -> None:
    digits = tuple(sorted(r.sample(range(count), r.randint(2, count))))
    turn = _turn(digits, r.randrange(count), count)
    b = Builder("amount", "control")
    b.output("y", amount(b, b.input("q", (0, count - 1)), turn))
    machine = machine_of(b)
    for q in digits:
        found = machine.cycle({"q": q})["y"]
        assert (turn.low + (found << turn.start)) % count == q
        assert found in turn.values


def turns_of(name: str, memory: str) -> list[Turn]:
    workload = load_workload(ROOT / "tests" / "workloads" / f"{name}.yaml")
    chip = replace(
        workload.architecture, memory_style=MemoryStyle.NARROW
    )  # wide words take more banks
    (fused,) = designs_of(replace(workload, architecture=chip))
    buffer = next(buf for buf in fused.buffers() if buf.name == memory)
    (plan,) = buffer.plans
    assert plan is not None
    view = BankView(fused.layers[0].adg, plan)
    return [turn_of(view, j, narrow=True) for j in view.moving]


def test_windows_take_few_bits() -> None:
    """Three columns of a window on four banks still take two; two rows that a stride skips take one; a pool
    none.
    """
    assert [turn.bits for turn in turns_of("conv2d_dilated_small", "X")] == [1, 1]
    assert [turn.start for turn in turns_of("conv2d_dilated_small", "X")] == [1, 1]
    assert [turn.bits for turn in turns_of("conv2d_stride2_small", "X")] == [1]
    assert [turn.bits for turn in turns_of("max_pool_small", "X")] == [0]


@pytest.mark.parametrize(
    "name",
    ["conv_oh_ow_sys", "conv2d_dilated_small", "conv2d_stride2_small", "max_pool_small", "fused_one_node"],
)  # fmt: skip
def test_narrow_switches_are_smaller(name: str) -> None:
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / f"{name}.yaml"))
    whole = build(fused, Ways(narrow=False)).dag
    few = build(fused, Ways()).dag
    assert size_of(few).area_um2 < size_of(whole).area_um2


def test_without_widths_all_banks_reach_all_nodes() -> None:
    (fused,) = designs_of(load_workload(ROOT / "tests" / "workloads" / "max_pool_small.yaml"))
    wide = lower(fused, Options(passes=("delays",))).dag
    few = lower(fused, Options(passes=("widths",))).dag

    def switches(modules: object) -> int:
        return sum(
            n.op is Op.MUX and n.origin == "words to data nodes" for m in modules for n in m.nodes
        )  # type: ignore[attr-defined]

    assert switches(wide.modules) > switches(few.modules) == 0


def test_a_digit_out_of_reach_trips_the_assertion() -> None:
    """The RTL with a digit that starts at another bank: the switches don't route that one."""
    text = (ROOT / "tests" / "workloads" / "conv_oc_ow_bro.yaml").read_text()
    (case,) = cases_of(with_style(text, "narrow"))
    faulty = case.verilog.replace("launch ? 2'h3 :", "launch ? 2'h2 :")
    assert faulty != case.verilog
    case.verilog = faulty
    (verdict,) = verdicts_of([case])
    assert verdict.failures[0] == "banks out of reach in the memory of X"
