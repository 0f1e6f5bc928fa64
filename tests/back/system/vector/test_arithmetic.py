"""Sums, products and shifts of random widths against Python's, cycle by cycle."""

from __future__ import annotations

import random

import pytest

from lego.back.graph.builder import Builder
from lego.back.system.vector.arithmetic import (
    Apart,
    apart,
    is_apart,
    product,
    product_cycles,
    product_span,
    shifted,
    sum_apart,
    together,
    wide_sum,
)
from lego.ir.intervals import Interval, added
from lego.ir.vector.planning import word_span
from tests.back.machine import Machine, machine_of


def word(r: random.Random, most: int) -> Interval:
    """The values of a word, signed or not."""
    bits = r.randint(1, most)
    return word_span((-(1 << bits - 1), 0)) if r.randrange(2) else word_span((0, (1 << bits) - 1))


def values(r: random.Random, span: Interval, count: int) -> list[int]:
    """Values of an interval; every third is an end, or next to it."""
    near = [span[0], span[1], min(span[1], span[0] + 1), max(span[0], span[1] - 1)]
    return [r.choice(near) if r.randrange(3) == 0 else r.randint(*span) for _ in range(count)]


def answers(machine: Machine, x: list[int], y: list[int], late: int) -> list[int]:
    """What comes out so many cycles after each pair."""
    pairs = [*zip(x, y, strict=True), *[(0, 0)] * late]
    return [said["out"] for said in machine.run({"x": a, "y": c} for a, c in pairs)][late:]


@pytest.mark.parametrize("seed", range(40))
def test_products_of_any_widths(seed: int) -> None:
    r = random.Random(seed)
    first, second = word(r, 40), word(r, 22)
    b = Builder("product", "fu")
    found = product(b, (b.input("x", first), first), (b.input("y", second), second))
    late, span = product_cycles(first, second), product_span(first, second)
    assert isinstance(found, Apart) == (is_apart(span) and late > 1)
    if isinstance(found, Apart):
        found, late = together(b, found, span), late + 1
    b.output("out", found)
    x, y = values(r, first, 30), values(r, second, 30)
    assert answers(machine_of(b), x, y, late) == [a * c for a, c in zip(x, y, strict=True)]


@pytest.mark.parametrize("seed", range(30))
def test_sums_of_any_widths(seed: int) -> None:
    r = random.Random(seed)
    first, second = word(r, 60), word(r, 60)
    span = word_span(added(first, second))
    b = Builder("sum", "fu")
    x, y = b.input("x", first), b.input("y", second)
    late = 0
    if is_apart(span):
        total, late = together(b, sum_apart(b, apart(b, x), apart(b, y), span), span), 2
    else:
        total = wide_sum(b, x, y, span)
    b.output("out", total)
    one, other = values(r, first, 30), values(r, second, 30)
    wanted = [a + c for a, c in zip(one, other, strict=True)]
    assert answers(machine_of(b), one, other, late) == wanted


def test_sums_keep_low_bits() -> None:
    b = Builder("sum", "fu")
    span = (-(1 << 27), (1 << 27) - 1)
    b.output("out", wide_sum(b, b.input("x", span), b.input("y", span), span))
    assert answers(machine_of(b), [span[1], span[0]], [1, -1], 0) == [span[0], span[1]]


@pytest.mark.parametrize("seed", range(20))
def test_shifts_of_any_widths(seed: int) -> None:
    r = random.Random(seed)
    span, bits = word(r, 60), r.randint(1, 6)
    b = Builder("shift", "fu")
    by = (0, (1 << bits) - 1)
    b.output("out", shifted(b, b.input("x", span), b.input("y", by), bits, span))
    x, y = values(r, span, 30), values(r, by, 30)
    assert answers(machine_of(b), x, y, 0) == [a >> c for a, c in zip(x, y, strict=True)]
