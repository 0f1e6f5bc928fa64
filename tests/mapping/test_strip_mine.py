"""Dataflows of operations: loops on axes, strips in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontends.yaml import load_text
from lego.diag import LegoError
from lego.ir.array import narrowed
from lego.ir.hardware import Architecture
from lego.ir.workload import DataflowSpec
from lego.mapping.strip_mine import dataflow_of

_, (MM,) = narrowed(
    load_text(
        "name: one\noperations:\n  - name: mm\n    loops: {m: 12, n: 8, k: 5}\n"
        "    statement: 'Y[m,n] += X[m,k] * W[k,n]'\n    formats: {X: int8, W: int8, Y: int32}\n"
    )
)
SPEC = DataflowSpec("flow", (("m", 4), ("n", 4)), ("n", "m", "k"), (1, 1))


def test_loops_larger_than_their_axis_are_strips_in_time() -> None:
    flow = dataflow_of(MM, SPEC, Architecture())
    assert [(dim.name, dim.step) for dim in flow.temporal] == [("n", 4), ("m", 4), ("k", 1)]
    assert flow.sizes == (4, 4)
    assert flow.trips(MM) == (2, 3, 5)


def test_a_loop_as_long_as_its_axis_takes_no_time() -> None:
    flow = dataflow_of(MM, replace(SPEC, spatial=(("m", 12), ("n", 8))), Architecture())
    assert [dim.name for dim in flow.temporal] == ["k"]


def test_a_loop_on_two_axes_is_refused() -> None:
    with pytest.raises(LegoError, match="two array axes") as caught:
        dataflow_of(MM, replace(SPEC, spatial=(("m", 4), ("m", 4))), Architecture())
    assert caught.value.code == "E201"


def test_without_a_wish_the_loops_that_fill_the_array_are_on_it() -> None:
    flow = dataflow_of(MM, None, Architecture((4, 4)))
    assert flow.sizes == (4, 4)
    assert {MM.loops[loop].name for loop in flow.spatial_loops} == {"m", "n"}
