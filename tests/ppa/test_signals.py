"""Critical paths are told by the signals of the design, not by the numbers that synthesis gives cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from lego.ppa.library import read_library
from lego.ppa.signals import ModuleNames
from lego.ppa.synthesis import synthesise
from lego.ppa.timing import clock_of

MODULE = ModuleNames(
    "leaf",
    {
        "cells": {
            "_1_": {"type": "DFF_X1", "connections": {"D": [2], "Q": [7], "QN": [4]}},
            "_2_": {"type": "DFF_X1", "connections": {"D": ["0"], "Q": [5], "QN": [6]}},
            "_3_": {"type": "RAM", "connections": {"Q": [8, 7], "R": []}},
        },
        "netnames": {
            "_9_": {"bits": [5]},
            "$abc$1": {"bits": [7]},
            "held_too_long": {"bits": [4]},
            "held": {"bits": [4]},
            "acc": {"bits": [2, 7], "offset": 20},
            "_acc_": {"bits": [8]},
        },
    },
)


@pytest.mark.parametrize(
    ("instance", "pins", "signal"),
    [
        ("_1_", [("Q", 0), ("QN", 0)], "acc[21]"),
        ("_1_", [("QN", 0)], "held"),  # the shortest name
        ("_2_", [("Q", 0), ("QN", 0)], ""),  # numbers aren't names
        ("_2_", [("D", 0)], ""),
        ("_3_", [("Q", 0)], "_acc_"),
        ("_3_", [("R", 0), ("S", 0), ("Q", 1)], "acc[21]"),
    ],
)
def test_signals_have_the_names_of_the_verilog(
    instance: str, pins: list[tuple[str, int]], signal: str
) -> None:
    assert MODULE.signal(instance, pins) == signal


def test_instances_of_a_cell_are_in_the_order_of_the_file() -> None:
    assert MODULE.of_cell("DFF_X1") == ["_1_", "_2_"]
    assert MODULE.of_cell("AND2_X1") == []


GATED = """\
module leaf(input clk, input [15:0] a, input [15:0] b, input [7:0] d, output reg [7:0] kept);
  reg [15:0] left, right;
  wire go = (left * right) == 16'h1234;
  always @(posedge clk) begin
    left <= a;
    right <= b;
    if (go) kept <= d;
  end
endmodule
module top(input clk, input [15:0] a, input [15:0] b, input [7:0] d, output [7:0] y);
  leaf inner(clk, a, b, d, y);
endmodule
"""
ADDED = """\
module leaf(input clk, input [15:0] a, output reg [15:0] total);
  reg [15:0] term;
  always @(posedge clk) begin
    term <= a;
    total <= total + term;
  end
endmodule
module top(input clk, input [15:0] a, output [15:0] y);
  leaf inner(clk, a, y);
endmodule
"""


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(
    ("verilog", "starts", "ends", "after"),
    [
        (ADDED, ("inner.term[", "inner.total[", "y["), ("inner.total[", "y["), ""),
        (GATED, ("inner.left[", "inner.right["), ("inner.go",), " (clock gate)"),
    ],
)
def test_paths_have_names(
    tmp_path: Path,
    verilog: str,
    starts: tuple[str, ...],
    ends: tuple[str, ...],
    after: str,
    flat: bool,
) -> None:
    (tmp_path / "in.v").write_text(verilog)
    library = read_library(None)
    origins = {"top": "control", "leaf": "fu"}
    netlist = synthesise(
        tmp_path / "in.v", "top", [], library, tmp_path, flat=flat, categories=origins
    )
    timing = clock_of(netlist, library, [])
    start, end = timing.path.split(" -> ")
    assert start.startswith(starts)
    assert end.startswith(ends)
    assert end.endswith(after)
    text = netlist.path.read_text()
    for instance, cell, _, _ in timing.steps:  # as the netlist in Verilog calls them
        assert f"  {cell} {instance.rpartition('.')[2]} (" in text
