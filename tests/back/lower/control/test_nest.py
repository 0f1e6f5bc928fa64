"""Affine functions of the counters that adders keep, against the functions themselves."""

from __future__ import annotations

import itertools
import random

import pytest

from lego.back.graph.builder import Builder
from lego.back.lower.control.nest import Events, address_nest, affine_value, digit_nest
from tests.back.machine import machine_of

TRIPS = (3, 2, 4)


def events(b: Builder, *, told: bool) -> Events:
    still = tuple(b.input(f"still{k}") for k in range(3)) if told else ()
    counters = tuple(b.input(f"count{k}", (0, n - 1)) for k, n in enumerate(TRIPS))
    return Events(b.input("launch"), tuple(b.input(f"step{k}") for k in range(3)), counters, still)


def issued() -> list[dict[str, int]]:
    """The events of all timestamps, after a launch."""
    timestamps = list(itertools.product(*map(range, TRIPS)))
    cycles = [dict.fromkeys([f"count{k}" for k in range(3)], 0) | {"launch": 1}]
    for t, following in itertools.zip_longest(timestamps, timestamps[1:]):
        cycle = {f"count{k}": x for k, x in enumerate(t)} | {"launch": 0}
        if following is not None:
            (k,) = (k for k in range(3) if following[k] == t[k] + 1)
            cycle[f"step{k}"] = 1
        cycles.append(cycle)
    for cycle in cycles:
        steps = [cycle.setdefault(f"step{k}", 0) for k in range(3)]
        cycle |= {f"still{k}": int(not any(steps[:k])) for k in range(3)}
    return cycles


def followed(b: Builder, told: bool, more: dict[str, int]) -> list[tuple[tuple[int, ...], int]]:
    """Timestamps with the output `y` at each; what isn't told is no input."""
    machine = machine_of(b)
    found = machine.run(
        {name: (cycle | more)[name] for name in machine.ports} for cycle in issued()
    )
    values = [each["y"] for each in found[1:]]
    return list(zip(itertools.product(*map(range, TRIPS)), values, strict=True))


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_values_of_the_running_dataflow(seed: int, told: bool) -> None:
    r = random.Random(seed)
    rows = [[r.choice([0, 0, 1, -2, 3]) for _ in TRIPS] for _ in range(2)]
    offsets = [r.randint(-3, 3) for _ in range(2)]
    for dataflow in range(2):
        b = Builder("m", "control", 2)
        b.output("y", affine_value(b, events(b, told=told), rows, offsets, (-64, 63), "value"))
        for t, found in followed(b, told, {"dataflow": dataflow}):
            row = rows[dataflow]
            assert found == sum(a * x for a, x in zip(row, t, strict=True)) + offsets[dataflow]


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_digits_and_the_rows_that_they_carry_into(seed: int, told: bool) -> None:
    """The address counts the rows: together with the digit it is the whole value."""
    r = random.Random(seed)
    radix, used = r.choice([2, 3, 4, 5]), sorted(r.sample(range(3), r.randint(1, 3)))
    steps = {k: r.randint(0, 9) for k in used}
    start = r.randint(0, 9)
    b = Builder("m", "control")
    told_by = events(b, told=told)

    def digits() -> tuple[dict[int, int], int, int]:
        first = b.const(start % radix)
        return {k: b.const(step % radix) for k, step in steps.items()}, first, first

    digit, carry = digit_nest(b, told_by, used, digits, radix, "digit", None)
    rows = {k: b.const(step // radix) for k, step in steps.items()}
    base = b.const(start // radix)
    row = address_nest(b, told_by, rows, base, 8, "row", {carry: b.const(1)})
    b.output("y", b.cat([b.wrap(digit, (0, 7)), b.wrap(row, (0, 255))]))
    for t, found in followed(b, told, {}):
        value = start + sum(step * t[k] for k, step in steps.items())
        assert (found & 7, found >> 3) == (value % radix, value // radix % 256)


def test_an_address_without_steps_is_its_base() -> None:
    b = Builder("m", "control")
    base = b.input("base", (0, 7))
    assert address_nest(b, events(b, told=False), {}, base, 3, "address", {}) == base
