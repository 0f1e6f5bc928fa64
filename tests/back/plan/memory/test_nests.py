"""The digits of address generators: steps and carries give the digits and rows of every timestamp."""

from __future__ import annotations

import itertools

import pytest

from lego.back.plan.memory.nests import digit_nests
from lego.ir.layout import word_of
from tests.back.plan.memory.test_turn import views_of
from tests.property.generator import fused_sample, sample


@pytest.mark.parametrize("seed", range(30))
def test_digits_are_those_of_the_least_element(seed: int) -> None:
    for view in views_of((sample(seed) if seed % 2 else fused_sample(seed)).text):
        counters = len(view.plan.time[0])
        for nest in digit_nests([view], free=True):
            steps, first = nest.steps(view, counters), nest.first(view)
            assert all(0 <= value < nest.radix for value in (first, *steps))
            for t in itertools.product(*(range(n) for n in view.adg.dataflow.trips(view.adg.op))):
                element = [
                    low + sum(a * k for a, k in zip(row, t, strict=True))
                    for low, row in zip(view.start, view.plan.time, strict=True)
                ]
                if nest.rest:
                    wanted = element[nest.dim] % nest.gcd
                    got = (first + sum(a * k for a, k in zip(steps, t, strict=True))) % nest.gcd
                    assert got == wanted
                elif nest.skewed or nest.gcd == 1:
                    added = view.plan.banking.digits(tuple(element))
                    wanted = (added if nest.skewed else element)[nest.dim] % nest.count
                    got = (first + sum(a * k for a, k in zip(steps, t, strict=True))) % nest.count
                    assert got == wanted


@pytest.mark.parametrize("seed", range(30))
def test_carries_make_rows_whole(seed: int) -> None:
    """A digit that passes its radix is a row further: what is left by the gcd first, then the bank digit."""
    for view in views_of((sample(seed) if seed % 2 else fused_sample(seed)).text):
        banking, counters = view.plan.banking, len(view.plan.time[0])
        rows = {j: digit_nests([view], free=True) for j in view.turning}
        for j, nests in rows.items():
            mine = [nest for nest in nests if nest.dim == j and not nest.skewed]
            g, count = banking.gcds[j], banking.counts[j]
            for k in range(counters):
                step = view.plan.time[j][k]
                low = view.start[j]
                rest = next((nest for nest in mine if nest.rest), None)
                (digit,) = (nest for nest in mine if not nest.rest)
                total = (rest.first(view) + rest.steps(view, counters)[k]) if rest else 0
                carry = int(rest is not None and total >= g)
                moved = digit.first(view) + digit.steps(view, counters)[k] + carry
                over = int(moved >= count)
                at = [word_of([x], [count], [g], [1]) for x in (low, step, low + step)]
                assert at[2] == at[0] + at[1] + (over - carry) * g


def test_dataflows_share_digits_of_one_radix() -> None:
    text = """name: two
operations:
  - name: conv
    loops: {oh: 6, ow: 6, kh: 3, kw: 3}
    statement: "Y[oh,ow] += X[oh+kh,ow+kw] * W[kh,kw]"
    formats: {X: int8, W: int8, Y: int32}
    dataflows:
      - {name: a, spatial: {oh: 3, ow: 3}, temporal: [oh, ow, kh, kw], control: broadcast}
      - {name: b, spatial: {oh: 3, ow: 3}, temporal: [kh, kw, oh, ow], control: broadcast}
"""
    moving = [view for view in views_of(text) if view.moving]
    nests = digit_nests(moving)
    assert len({nest.name for nest in nests}) == len(nests)
    assert all(any(nest.kept(view) for view in moving) for nest in nests)
