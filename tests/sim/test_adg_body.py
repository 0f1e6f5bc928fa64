"""Bodies of functional units compute as Python's integers do, whatever the bits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lego.ir.expr import Binary, BinaryOp, Literal, Operand, evaluate
from lego.ir.formats import Integer
from sim.adg_body import contributions
from tests.back.graph.test_bodies import random_body

WIDE = Integer(True, 32), Integer(False, 32), Integer(True, 17)


def extremes(fmt: Integer, r: random.Random) -> list[int]:
    inner = [r.randint(fmt.low, fmt.high) for _ in range(4)]
    return [fmt.low, fmt.low + 1, 0, 1, fmt.high, *inner]


@pytest.mark.parametrize("seed", range(30))
def test_bodies_of_wide_operands(seed: int) -> None:
    r = random.Random(seed)
    body = random_body(r, 3)
    columns = [extremes(fmt, r) for fmt in WIDE]
    points = list(zip(*(np.meshgrid(*columns)[k].ravel().tolist() for k in range(3)), strict=True))
    values = [np.array(column, dtype=np.int64) for column in zip(*points, strict=True)]
    for into in (Integer(True, 32), Integer(False, 7)):
        found = np.broadcast_to(contributions(body, values, WIDE, into), (len(points),))
        for point, value in zip(points, found.tolist(), strict=True):
            assert into.low <= value <= into.high
            assert (value - evaluate(body, point)) % (1 << into.bits) == 0


@pytest.mark.parametrize("by", [0, 1, 3, 40])
def test_shifts_round_down(by: int) -> None:
    body = Binary(BinaryOp.SHR, Operand(0), Literal(by))
    values = [-9, -8, -1, 0, 7]
    found = contributions(body, [np.array(values)], WIDE[:1], None)
    assert found.tolist() == [value // 2**by for value in values]
