"""Critical paths are told by the signals of the design, not by the numbers that synthesis gives cells."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lego.ppa.library import read_library
from lego.ppa.signals import signal_at, signal_held
from lego.ppa.synthesis import synthesise
from lego.ppa.timing import clock_of

NETLIST = """\
module top(clk, d, q);
  \\child$1  \\part.one  (
    .clk(clk),
    .d({ \\x[1] , d })
  );
  child two (
    .clk(clk)
  );
endmodule
module \\child$1 (clk, d);
  DFF_X1 _1_ (
    .CK(clk),
    .D(_3_),
    .Q(\\acc[21] ),
    .QN(_4_)
  );
endmodule
module child(clk);
  DFF_X1 _1_ (
    .CK(_7_),
    .D(sum),
    .Q(_4_),
    .QN(held)
  );
  DFF_X1 _11_ (
    .CK(clk),
    .D(named),
    .Q(_5_),
    .QN(\\_6_[3] )
  );
  CLKGATE_X1 _12_ (
    .CK(clk),
    .E(go),
    .GCK(_7_)
  );
endmodule
"""


@pytest.mark.parametrize(
    ("instance", "signal"),
    [
        ("part.one/_1_", "part.one.acc[21]"),
        ("two/_1_", "two.held"),
        ("two/_11_", "two._11_"),
        ("two/_99_", "two._99_"),
        ("gone/_1_", "gone._1_"),
    ],
)
def test_registers_are_called_what_they_hold(instance: str, signal: str) -> None:
    assert signal_held(NETLIST, "top", instance) == signal


def test_pins_are_called_what_drives_them() -> None:
    assert signal_at(NETLIST, "top", "two/_12_", "E") == "two.go"
    assert signal_at(NETLIST, "top", "two/_12_", "GCK") == "two._12_"
    assert signal_at(NETLIST, "top", "two/_12_", "D") == "two._12_"


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


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA isn't installed")
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
    netlist = synthesise(tmp_path / "in.v", "top", [], library, tmp_path, flat=flat)
    start, end = clock_of(netlist, library, [], tmp_path).path.split(" -> ")
    assert start.startswith(starts)
    assert end.startswith(ends)
    assert end.endswith(after)
