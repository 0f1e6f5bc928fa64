"""Assertions stand where only tools that know them look."""

from __future__ import annotations

import re

import pytest

from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.rtl.verilog import to_verilog
from lego.ir.dag import Dag


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_all_assertions_of_a_module_stand_behind_the_macro(count: int) -> None:
    b = Builder("asserted", "control")
    for k in range(count):
        b.check(b.input(f"x{k}"), b.input(f"y{k}"))
    b.output("z", b.delay(b.input("x"), 1, resets=True))
    text = to_verilog(Dag((infer_widths(b.build()),)))
    guarded = re.findall(r"^`ifdef LEGO_ASSERTIONS\n(.*?)^`endif\n", text, re.DOTALL | re.MULTILINE)
    assert sum(part.count("assert (") for part in guarded) == text.count("assert (") == count
