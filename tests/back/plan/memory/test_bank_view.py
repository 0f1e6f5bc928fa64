"""How data nodes meet banks, against the banks and words of all elements that they use."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from lego.back.plan.memory.bank_view import BankView, Mode
from lego.ir.adg import OutputPlan
from lego.ir.layout import Layout
from tests.back.designs import DESIGNS, IN_TURN, design_of
from tests.back.plan.memory.test_turn import views_of
from tests.property.generator import fused_sample, sample


def layout_of(view: BankView) -> Layout:
    banking, tensor = view.plan.banking, view.plan.tensor
    return Layout(
        "m", tensor.name, tensor.format.bits, tensor.shape, banking.counts, banking.gcds,
        banking.skews, banking.strides(tensor.shape), 0, None, banking.wide, banking.along,
        banking.shift,
    )  # fmt: skip


def least_elements(
    view: BankView, most: int = 300
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """One timestamp after the other, with the least element."""
    trips = view.adg.dataflow.trips(view.adg.op)
    for t in itertools.islice(itertools.product(*map(range, trips)), most):
        yield (
            t,
            tuple(
                low + sum(a * x for a, x in zip(row, t, strict=True))
                for low, row in zip(view.least, view.plan.time, strict=True)
            ),
        )


def acts(view: BankView, t: tuple[int, ...]) -> bool:
    """Whether nodes use their banks: operands as they are first held, results once they are summed."""
    trips, hold = view.adg.dataflow.trips(view.adg.op), view.plan.hold
    output = isinstance(view.plan, OutputPlan)
    return all(
        x == (n - 1 if output else 0) for x, n in list(zip(t, trips, strict=True))[len(t) - hold :]
    )


def check_view(view: BankView) -> None:
    """Banks and words of all nodes follow from the least element's, and no bank meets two nodes in one
    cycle: at the largest bounds timestamps are issued without pauses."""
    layout, banking = layout_of(view), view.plan.banking
    rows = [g * stride for g, stride in zip(banking.gcds, layout.strides, strict=True)]
    used: set[tuple[int, int]] = set()
    for cycle, (t, least) in enumerate(least_elements(view)):
        digits = [
            d % n for d, n in zip(banking.digits(banking.moved(least)), banking.counts, strict=True)
        ]
        moving = tuple((j, digits[j]) for j in view.moving)
        banks = []
        for fu in view.nodes:
            element = tuple(x + d for x, d in zip(least, view.place(fu), strict=True))
            bank = layout.bank(element)
            turned = zip(digits, view.offset(fu), banking.counts, strict=True)
            assert view.flat(tuple((q + y) % n for q, y, n in turned)) == bank
            banks.append(bank)
            carries = view.carries(fu, {})
            if view.timed:
                (slot,) = (slot for slot in view.slots(fu) if slot.digits == moving)
                assert slot.bank == bank
                carries = slot.carries
            if view.mode is not Mode.TURNING:
                ahead = sum(rows[j] * times for j, times in carries)
                assert layout.word(element) == layout.word(least) + ahead
                assert carries in view.variants
                assert {j for j, _ in carries} <= set(view.rows)
        if view.mode is Mode.IN_TURN:
            turns = zip(banks, view.nodes, strict=True)
            uses = (
                [(cycle + banking.phase(fu), bank) for bank, fu in turns] if acts(view, t) else []
            )
            assert len(used) + len(uses) == len(used := used.union(uses))
        else:
            assert len(set(banks)) == len(banks)
        for j, digit in enumerate(digits):
            assert digit == view.first[j] or j in view.moving


@pytest.mark.parametrize("name", DESIGNS | IN_TURN)
def test_views_of_designs(name: str) -> None:
    design = design_of((DESIGNS | IN_TURN)[name])
    for buffer in design.buffers:
        for view in design.views_of(buffer):
            check_view(view)


@pytest.mark.parametrize("seed", range(60))
def test_views_of_random_operations(seed: int) -> None:
    for view in views_of((sample(seed) if seed % 2 else fused_sample(seed)).text):
        check_view(view)


@pytest.mark.parametrize("name", DESIGNS | IN_TURN)
def test_nodes_act_when_control_reaches_them_or_wait(name: str) -> None:
    """Operands can't wait for their bank; results are there when control has reached the FU."""
    design = design_of((DESIGNS | IN_TURN)[name])
    for buffer in design.buffers:
        for view in design.views_of(buffer):
            for fu in view.nodes if view.mode is Mode.IN_TURN else ():
                early, skew = view.plan.banking.phase(fu), view.adg.dataflow.skew(fu)
                assert early >= skew if buffer.output else early == skew


def test_private_banks_meet_one_node_at_all_timestamps() -> None:
    seen = set()
    for seed in range(30):
        for view in views_of((sample(seed) if seed % 2 else fused_sample(seed)).text):
            seen.add(view.mode)
            if view.private:
                met = [{slot.bank for slot in view.slots(fu)} for fu in view.nodes]
                assert sum(map(len, met)) == len(set().union(*met))
    assert seen == set(Mode)
