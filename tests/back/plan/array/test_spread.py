"""Values that many FUs use at once: where they enter, and how many levels of registers spread them."""

from __future__ import annotations

import pytest

from lego.back.plan.array.spread import entry, is_plain, spread_levels
from tests.back.designs import CHAIN, GEMM, WANDERING, design_of

ROW = """\
name: row
operations:
  - name: mm
    loops: {{m: 2, n: {0}, k: 2}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflow: {{spatial: {{n: {0}}}, temporal: [m, n, k], control: {1}}}
architecture: {{array: [{0}]}}
"""


def test_links_without_delay_are_followed_to_the_entry() -> None:
    (adg,) = design_of(ROW.format(4, "broadcast")).adgs
    x, w = adg.inputs
    assert [entry(adg, x, (k,)) for k in range(4)] == [None, *[((0,), 0)] * 3]
    assert [entry(adg, w, (k,)) for k in range(4)] == [None] * 4


def test_links_with_delay_are_not() -> None:
    (adg,) = design_of(ROW.format(4, "systolic")).adgs
    assert [entry(adg, adg.inputs[0], (k,)) for k in range(4)] == [
        None, ((0,), 1), ((1,), 1), ((2,), 1),
    ]  # fmt: skip


def test_nothing_is_followed_beyond_a_delay() -> None:
    """W enters at (0, 0) and comes to (1, 0) a cycle later; along a row it comes at once."""
    (adg,) = design_of(WANDERING).adgs
    found = {fu: entry(adg, adg.inputs[1], fu) for fu in adg.dataflow.fus()}
    assert found == {
        (0, 0): None, (0, 1): ((0, 0), 0), (0, 2): ((0, 0), 0),
        (1, 0): ((0, 0), 1), (1, 1): ((1, 0), 0), (1, 2): ((1, 0), 0),
    }  # fmt: skip


def test_held_values_are_not_plain() -> None:
    (os,), (ws,) = design_of(GEMM).adgs, design_of(CHAIN).adgs
    assert is_plain(os, os.inputs[0], (0, 0))
    assert not is_plain(os, os.inputs[0], (0, 1))  # by a link
    assert not is_plain(ws, ws.inputs[1], (0, 0))  # a register holds it


@pytest.mark.parametrize(("fus", "levels"), [(2, 0), (3, 1), (32, 1), (33, 2)])
def test_a_level_for_every_16_pins_of_8_per_fu(fus: int, levels: int) -> None:
    """2 FUs have 16 pins; 32 have 256, which 16 registers drive; 33 take two levels."""
    design = design_of(ROW.format(fus, "broadcast"))
    x, w, y = design.buffers
    assert spread_levels(design.fused, x) == levels
    assert spread_levels(design.fused, w) == 0
    assert spread_levels(design.fused, y) == 0
    systolic = design_of(ROW.format(fus, "systolic"))
    assert spread_levels(systolic.fused, systolic.buffers[0]) == 0
