"""Tops whose clock and reset are called otherwise than those of the modules in them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from lego.artefact.handoff import sdc
from lego.back.graph.builder import Builder
from lego.back.graph.widths import infer_widths
from lego.back.rtl import rtlil
from lego.back.rtl.job import read_job, write_job
from lego.back.rtl.verilog import to_verilog
from lego.ir.dag import AXI_PINS, Dag, Module, Pins
from tests.back.verilated import Verilated

START, OWN = 5, 3


def counter() -> Module:
    b = Builder("counter", "control")
    count = b.reg((0, 255), init=START)
    b.drive(count, b.wrap(b.add(count, b.const(1)), (0, 255)))
    b.output("count", count)
    return infer_widths(b.build())


def around(pins: Pins) -> Dag:
    """A counter, and in the top a register of its own and an assertion."""
    inner = counter()
    b = Builder("around", "control")
    b.output("count", b.instance(inner, "counter", {})["count"])
    given = b.input("given", (0, 15))
    held = b.reg((0, 15), init=OWN)
    b.drive(held, given)
    b.output("held", held)
    b.check(b.invert(b.eq(given, b.const(9))), b.eq(held, b.const(1)))
    return Dag((inner, replace(infer_widths(b.build()), pins=pins)))


def heads(verilog: str) -> dict[str, set[str]]:
    """Ports by module."""
    found = re.findall(r"^module (\w+)\(([^)]*)\);", verilog, re.MULTILINE)
    return {name: set(re.split(r"[,\s]+", ports)) for name, ports in found}


def test_only_the_top_has_the_names_of_the_bus() -> None:
    verilog = to_verilog(around(AXI_PINS))
    ports = heads(verilog)
    assert ports["around"] == {"aclk", "aresetn", "given", "count", "held"}
    assert ports["counter"] == {"clk", "rst", "count"}
    assert heads(to_verilog(around(Pins())))["around"] == {"clk", "rst", "given", "count", "held"}


@pytest.mark.parametrize("pins", [AXI_PINS, Pins("aclk", "rst")])
def test_the_reset_holds_the_top_and_what_is_inside(pins: Pins, tmp_path: Path) -> None:
    machine = Verilated(around(pins).modules, tmp_path)
    for k in range(4):
        assert machine.cycle({"given": 1}) == {"count": START + k, "held": 1 if k else OWN}
    hold, leave = ({pins.reset: int(value)} for value in (not pins.low, pins.low))
    machine.cycle({**hold, "given": 7})
    assert machine.cycle({"given": 7}) == {"count": START, "held": OWN}
    assert machine.cycle(leave) == {"count": START, "held": OWN}
    assert machine.cycle({}) == {"count": START + 1, "held": 7}


def test_assertions_of_a_top_on_a_bus_stand_behind_their_macro() -> None:
    lines = to_verilog(around(AXI_PINS)).split("\n")
    at = next(k for k, line in enumerate(lines) if "assert (" in line)
    before = [line for line in lines[:at] if line.startswith("`")]
    assert before[-1] == "`ifdef LEGO_ASSERTIONS"
    assert "always @(posedge aclk)" in "\n".join(lines[at - 3 : at])


def test_names_that_the_bus_takes_are_not_given_twice() -> None:
    b = Builder("taken", "control")
    held = b.reg((0, 1), init=1)
    b.drive(held, b.input("aresetn", (0, 1)))
    b.output("q", held)
    module = replace(infer_widths(b.build()), pins=AXI_PINS)
    assert heads(to_verilog(Dag((module,))))["taken"] == {"aclk", "aresetn", "aresetn_2", "q"}


def test_a_second_process_is_told() -> None:
    dag = around(AXI_PINS)
    needs = rtlil._needs(dag)
    assert read_job(write_job(dag.modules, needs, "around"))[1] == needs
    assert needs["around"] == (("aclk",), "aresetn", True)


def test_constraints_name_the_clock_and_the_reset() -> None:
    text = sdc(around(AXI_PINS), 1000)
    assert "create_clock -name aclk -period 1.000 [get_ports aclk]" in text
    assert "-clock aclk [get_ports {aresetn given}]" in text
    assert "-clock clk [get_ports {rst given}]" in sdc(around(Pins()), 1000)
