"""The adder of a data node: sums of a stream of requests, whatever memory hasn't written yet."""

from __future__ import annotations

import random

import pytest

from lego.back.lower.memory.sums import sum_unit
from lego.back.plan.memory.adders import FORWARDED
from tests.back.designs import CHAIN, design_of
from tests.back.machine import Machine

RESUMED = CHAIN.replace("architecture: {", "architecture: {resume: yes, ")
MAXIMA = CHAIN.replace("+=", "max=").replace("X[m,k] *", "X[m,k] +").replace("int32", "int12")


def unit_of(text: str, *, selects: bool = False) -> Machine:
    design = design_of(text)
    return Machine(sum_unit(design.fused, design.results, "p", selects=selects))


def far(r: random.Random, bits: int) -> int:
    """A value whose sums carry through all bits, or leave them."""
    return r.choice([1, -1]) * (r.getrandbits(bits - 1) | 1 << r.randrange(bits - 1))


def wrapped(value: int, bits: int) -> int:
    """The value in so many bits of two's complement."""
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


@pytest.mark.parametrize(
    ("text", "maxima", "bits"), [(CHAIN, False, 0), (RESUMED, False, 32), (MAXIMA, True, 12)]
)
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("selects", [False, True])
def test_sums_are_right_at_any_distance(
    seed: int, text: str, maxima: bool, bits: int, selects: bool
) -> None:
    """Memory has a sum three cycles after its request, and is read in the cycle of a request."""
    r, machine = random.Random(seed), unit_of(text, selects=selects)
    elements = r.randint(1, 5)
    memory = dict.fromkeys(range(elements), -1)
    sums: dict[int, int] = {}
    asked: list[int | None] = [None] * FORWARDED
    wanted: list[int | None] = []
    stored, visited = -1, 0
    for _ in range(150):
        element = r.randrange(elements) if r.random() < 0.8 else None
        value, visit = r.randint(-99, 99), element not in sums
        value = far(r, bits) if text == RESUMED and r.random() < 0.5 else value
        inputs = {"data": value, "en": int(element is not None), "visit": visited}
        inputs["stored"] = stored & (1 << (bits or 32)) - 1
        for k in range(1, FORWARDED + 1):
            again = element is not None and asked[-k] == element
            inputs[f"again{k}"] = int(again)
        found = machine.cycle(inputs)["sum"]
        if len(wanted) >= FORWARDED and wanted[-FORWARDED] is not None:
            written = asked[-FORWARDED]
            assert found == wanted[-FORWARDED]
            memory[written] = found
        stored, visited = memory.get(element, -1), int(visit)
        if element is not None:
            old = sums.get(element)
            new = value if old is None else max(old, value) if maxima else old + value
            sums[element] = wrapped(new, bits or 32)
        wanted.append(None if element is None else sums[element])
        asked.append(element)
