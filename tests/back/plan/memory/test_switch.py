"""Costs of switches are the multiplexers that they are lowered to, or no fewer."""

from __future__ import annotations

import math

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.memory.switch import Banks
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.switch import crossbar_cost, rotator_cost, turns_of
from lego.ir.dag import Op
from tests.back.designs import SHIFTED, WINDOWS, design_of


def turning(text: str) -> list[BankView]:
    design = design_of(text)
    views = [view for buffer in design.buffers for view in design.views_of(buffer)]
    return [view for view in views if not view.timed]


VIEWS = [*turning(SHIFTED), *turning(WINDOWS)]


def multiplexers(view: BankView, *, narrow: bool, crossbar: bool) -> int:
    b = Builder("switch", "memory")
    banks = Banks(b, view, narrow=narrow)
    words = [b.input(f"word{k}", (0, 255)) for k in range(view.plan.banking.n_banks)]
    turns = enumerate(banks.turns)
    amounts = {j: b.input(f"amount{j}", (0, t.top - 1)) for j, t in turns if t.bits}
    banks.to_nodes(words, amounts, crossbar)
    return sum(node.op is Op.MUX for node in b.nodes)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("at", range(len(VIEWS)))
def test_costs_are_multiplexers(at: int, narrow: bool) -> None:
    view = VIEWS[at]
    assert rotator_cost(view, narrow=narrow) == multiplexers(view, narrow=narrow, crossbar=False)
    cost = crossbar_cost(view, narrow=narrow)
    found = multiplexers(view, narrow=narrow, crossbar=True)
    turned = sum(turn.bits > 0 for turn in turns_of(view, narrow=narrow))
    assert cost == found if turned == 1 else cost > found  # nodes share choices along the second


def test_there_are_switches_to_count() -> None:
    assert VIEWS
    for view in VIEWS:
        counts = [turn.count for turn in turns_of(view, narrow=False)]
        assert math.prod(counts) == view.plan.banking.n_banks
