"""Random operations on random chips: what is bound is right in every bit, and what is refused can't run."""

from __future__ import annotations

import pytest

from lego.bind.freedom import Freedom
from lego.bind.result import Bound
from lego.bind.search import bind
from tests.bind.campaign import campaign, chips, operations
from tests.bind.running import expected, random_operands, simulated

FREEDOMS = [
    Freedom(steps=True),
    Freedom(masks=True),
    Freedom(holds=True),
    Freedom(delays=True),
    Freedom.everything(),
]


def test_bound_operations_are_right_in_every_bit_and_refused_ones_can_not_run() -> None:
    tally = campaign(first=0, count=36, each=3)
    assert tally.bound > 35
    assert sum(tally.refused.values()) > 35
    assert not tally.incomplete
    assert tally.confirmed > 10
    assert sum(tally.proved.values()) > 2


def test_freedom_loses_nothing_and_keeps_results_right() -> None:
    more = 0
    for seed, found in chips(first=200, count=24):
        for site, op, tensors in operations(seed, found, each=2):
            plain = isinstance(bind(site, op, tensors), Bound)
            for freedom in FREEDOMS:
                bound = bind(site, op, tensors, freedom)
                if isinstance(bound, Bound):
                    operands = random_operands(op, tensors, seed)
                    wanted = expected(op, tensors, operands)
                    assert simulated(site, bound, tensors, operands) == wanted, f"{freedom}: {op}"
                    more += not plain
                else:
                    assert not plain, f"{freedom}: {op}"
    assert more > 2


@pytest.mark.slow
def test_a_thousand_operations_on_twenty_chips_and_a_hundred_of_them_in_verilog() -> None:
    tally = campaign(first=5000, count=20, each=50, rtl=100)
    assert tally.bound + sum(tally.refused.values()) == 1000
    assert tally.bound > 300
    assert tally.rtl >= 100
    assert set(tally.refused) == set("abcde")


@pytest.mark.slow
@pytest.mark.parametrize("block", range(19))
def test_a_thousand_more_on_twenty_chips_each(block: int) -> None:
    tally = campaign(first=5100 + 50 * block, count=20, each=50)
    assert tally.bound > 200


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_many_refused_operations_can_not_run(block: int) -> None:
    tally = campaign(first=9000 + 200 * block, count=100, each=8)
    assert sum(tally.proved.values()) > 20
