"""Every rule of dataflows can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lego.ir.dataflow import Dataflow
from tests.ir.checks.broken import design, put, refuse

BROKEN: dict[str, Callable[[Dataflow], Dataflow]] = {
    "different numbers of axes": lambda f: replace(f, control=(1,)),
    "an axis has 0 FUs": lambda f: replace(f, sizes=(4, 0)),
    "a control skew is -1": lambda f: replace(f, control=(1, -1)),
    "a loop is on two axes": lambda f: replace(f, spatial_loops=(0, 0)),
    "a loop has a negative number": lambda f: replace(f, temporal=put(f.temporal, 0, loop=-2)),
    "axis 1 has 4 FUs and no loop": lambda f: replace(f, spatial_loops=(0, -1)),
    "steps by 0": lambda f: replace(f, temporal=put(f.temporal, 0, step=0)),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str) -> None:
    refuse(design("gemm_is_sys").layers[0].adg.dataflow, BROKEN[rule], rule)


def test_an_idle_counter_and_axis_are_allowed() -> None:
    flow = design("gemm_is_sys").layers[0].adg.dataflow
    refuse(flow.aligned(4, 3), BROKEN["steps by 0"], "dataflow user: counter idle steps by 0")
