"""Every rule of fused architectures can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.ir.fused import FusedAdg, Fusion
from tests.ir.checks.broken import design, on_banks, on_input, put, refuse


def layer(fused: FusedAdg, at: int, **fields: object) -> FusedAdg:
    return replace(fused, layers=put(fused.layers, at, **fields))


def deeper(fused: FusedAdg) -> FusedAdg:
    """A layer with a counter more than the others."""
    adg = fused.layers[1].adg
    return layer(fused, 1, adg=replace(adg, dataflow=adg.dataflow.aligned(9, 2)))


def renamed(fused: FusedAdg) -> FusedAdg:
    adg = fused.layers[1].adg
    name = fused.layers[0].adg.dataflow.name
    return layer(fused, 1, adg=replace(adg, dataflow=replace(adg.dataflow, name=name)))


BROKEN: dict[str, Callable[[FusedAdg], FusedAdg]] = {
    "there is no layer": lambda f: replace(f, layers=()),
    "two memories have one name of X, x, Y": lambda f: replace(f, names=("X", "x", "Y")),
    "two dataflows have one name of mm.os, mm.os, mm.is": renamed,
    "memories have 3 halves": lambda f: replace(f, halves=3),
    "the memory of results has 1 halves, beside memories with parts": lambda f: replace(
        f, parts=True
    ),
    "data port -1 bits": lambda f: replace(f, dma_bits=-1),
    "fusion costs 1, less than its bound 2": lambda f: replace(f, fusion=Fusion("exact", 1, 2)),
    "layer 1: counters or axes aren't as many": deeper,
    "layer 0: 1 ports for 2 inputs": lambda f: layer(f, 0, ports=(0,)),
    "layer 0: two inputs are at one port of (1, 1)": lambda f: layer(f, 0, ports=(1, 1)),
    "layer 0: port 2 is none of 2": lambda f: layer(f, 0, ports=(0, 2)),
    "layer 2: X: a value is held over 9 of 3": lambda f: layer(
        f, 2, adg=on_input(f.layers[2].adg, 0, hold=9)
    ),
    "no layer uses port 2, Z": lambda f: replace(f, names=("X", "W", "Z", "Y")),
    "layers have X in different banks of memory X": lambda f: layer(
        f, 1, adg=on_banks(f.layers[1].adg, counts=(8, 4))
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    refuse(design("fused_gemm_sys"), BROKEN[rule], rule)


def test_the_design_is_named() -> None:
    rule = "design fused_gemm_sys: there is no layer"
    refuse(design("fused_gemm_sys"), BROKEN["there is no layer"], rule)
