"""Sums in blocks, exclusive or and parity against Python's."""

from __future__ import annotations

import random

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.system.control.bits import exclusive_or, parity, plus
from tests.back.machine import Machine


@pytest.mark.parametrize("bits", [1, 2, 7, 8, 9, 16, 25, 32])
def test_words(bits: int) -> None:
    b, most, r = Builder("m", "control"), (1 << bits) - 1, random.Random(bits)
    x, y = b.input("x", (0, most)), b.input("y", (0, most))
    b.output("sum", plus(b, x, y, bits))
    b.output("xor", exclusive_or(b, x, y, bits))
    b.output("parity", parity(b, [b.slice(x, k, 1) for k in range(bits)]))
    machine = Machine(infer_widths(b.build()))
    for _ in range(60):
        p, q = (r.choice([0, most, r.getrandbits(bits), most ^ 1]) for _ in range(2))
        said = machine.cycle({"x": p, "y": q})
        assert said == {"sum": p + q & most, "xor": p ^ q, "parity": p.bit_count() & 1}
