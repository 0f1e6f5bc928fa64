"""Every pass, alone and with all others, on every shipped design: 16x16 FUs, simulated, bit for bit.

Loops are shortened to the array's size and a ragged rest, so that the Verilog of a design costs more than
its runs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lego.back.pipeline import PASSES, Options, chosen
from tests.designs import cases_of, random_bounds, shipped, verdicts_of

ALONE = [Options(passes=(each.name,)) for each in PASSES]
RUNS = [Options(passes=()), *ALONE, Options(level=1), Options()]
SPATIAL, TEMPORAL = 19, 3
"""Longest loops, in elements: those that some dataflow lays out in space, and the others."""
SAMPLE = {("max_pool", "gating"), ("max_pool", "delays")}
"""What a run without the slow tests takes."""


def called(options: Options) -> str:
    return "-".join(chosen(options)) or "none"


def shortened(text: str) -> str:
    """The same workload with shorter loops."""
    spatial = {
        name for found in re.findall(r"spatial: {(.*?)}", text) for name in re.findall(r"\w+(?=:)", found)
    }  # fmt: skip

    def shorter(loop: re.Match[str]) -> str:
        name, extent = loop.groups()
        return f"{name}: {min(int(extent), SPATIAL if name in spatial else TEMPORAL)}"

    def line(found: re.Match[str]) -> str:
        return re.sub(r"(\w+): (\d+)", shorter, found[0])

    return re.sub(r"loops: {.*}", line, text)


def pairs() -> list[object]:
    """Every design with every choice of passes; all but the sample are slow."""
    return [
        pytest.param(
            path,
            options,
            id=f"{path.stem}-{called(options)}",
            marks=[] if (path.stem, called(options)) in SAMPLE else [pytest.mark.slow],
        )
        for path in shipped()
        for options in RUNS
    ]


@pytest.mark.parametrize(("path", "options"), pairs())
def test_bit_exact_at_16x16(path: Path, options: Options) -> None:
    text = shortened(path.read_text())
    assert "array: [16, 16]" in text
    for case in cases_of(text, 16, random_bounds(text, 1, 16), passes=options):
        (verdict,) = verdicts_of([case])
        assert verdict.failures == ()


def test_the_sample_is_there() -> None:
    known = {(path.stem, called(options)) for path in shipped() for options in RUNS}
    assert known >= SAMPLE
