"""Random operations under 1 to 4 dataflows in a chip with room: the RTL against NumPy.

What depends on the operation is in registers there, so these runs show that the registers say what is built
in elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lego.back.pipeline import Options
from tests.property.generator import Sample, fused_sample, sample
from tests.property.simulate import simulate

PER_MODEL = 10
FASTEST = Options(clock_ps=10)
"""A clock that asks for every pipeline register there is."""


def bare(text: str) -> str:
    """The text without pads: indices are moved so that none is negative, and tensors hold all of them."""
    lines, extents = [], dict[str, int]()
    for line in text.splitlines():
        if line.startswith("    loops:"):
            extents = {name: int(n) for name, n in re.findall(r"(\w+): (\d+)", line)}
        if line.startswith("    statement:"):
            parts = re.split(r"([\[\],])", line)
            places = range(2, len(parts) - 1, 2)
            parts = [
                _moved(p, extents)
                if k in places and parts[k - 1] in "[," and parts[k + 1] in "],"
                else p
                for k, p in enumerate(parts)
            ]
            line = "".join(parts)
        if not line.startswith(("    pad:", "    shapes:")):
            lines.append(line)
    return "\n".join([*lines, ""])


def _moved(index: str, extents: dict[str, int]) -> str:
    """An index from zero on."""
    least = 0
    for sign, factor, name, number in re.findall(r"([+-]?)(?:(\d+)\*)?(?:([a-z]\w*)|(\d+))", index):
        step = int(number or 0) if not name else (int(factor or 1)) * (extents[name] - 1)
        least += -step if sign == "-" else int(number or 0)
    return f"{index}{-least:+}" if least < 0 else index


def roomy(drawn: Sample, seed: int) -> Sample:
    """The sample in a chip with room."""
    trips, terms = (1, 5, 300)[seed % 3], 1 + 99 * (seed % 2)
    room = f"room: {{counters: {1 + seed % 6}, trips: {trips}, reduction: {terms}}}"
    assert drawn.text.count("architecture: {") == 1
    return replace(
        drawn, text=bare(drawn.text).replace("architecture: {", f"architecture: {{{room}, ")
    )


def fused(seed: int) -> Sample:
    """Several dataflows in a chip with room."""
    return roomy(fused_sample(seed), seed)


def single(seed: int) -> Sample:
    """One operation in a chip with room."""
    return roomy(sample(seed), seed)


@pytest.mark.parametrize("block", range(2))
def test_twenty_designs(block: int) -> None:
    assert simulate(fused, range(block * PER_MODEL, (block + 1) * PER_MODEL)) >= 2


@pytest.mark.parametrize("block", range(2))
def test_twenty_operations(block: int) -> None:
    assert simulate(single, range(block * PER_MODEL, (block + 1) * PER_MODEL)) >= 2


def test_ten_designs_with_every_stage() -> None:
    assert simulate(fused, range(50, 60), options=FASTEST) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("block", range(30))
def test_three_hundred_designs(block: int) -> None:
    simulate(fused, range(1000 + block * PER_MODEL, 1000 + (block + 1) * PER_MODEL))
