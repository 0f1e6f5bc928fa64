"""Power of circuits small enough to work out by hand, with a library by hand; and against OpenSTA
where it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.opensta_power import as_2_0_17, has_sta, instance_power
from lego.ppa.circuit import Circuit, elaborate
from lego.ppa.gates import clock_rates
from lego.ppa.inner import inner_fj
from lego.ppa.library import Library, read_library
from lego.ppa.power import energy_of, toggles_of
from lego.ppa.sta import Analysis
from lego.ppa.synthesis import synthesise
from lego.ppa.timing import clock_of

LIBERTY = """\
library (tiny) {
  time_unit : "1ps"; capacitive_load_unit (1, ff); voltage_unit : "1V"; nom_voltage : 2.0;
  leakage_power_unit : "1nW";
  power_lut_template (energy) {
    variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0, 100"); index_2 ("0, 10");
  }
  cell (INV) { area : 1; cell_leakage_power : 5;
    pin (A) { direction : input; capacitance : 2; }
    pin (Y) { direction : output; function : "!A";
      internal_power () { related_pin : "A";
        rise_power (energy) { values ("0, 10", "100, 110"); } fall_power (scalar) { values ("4"); } } }
  }
  cell (AND) { area : 1; cell_leakage_power : 5;
    pin (A, B) { direction : input; capacitance : 1; }
    pin (Y) { direction : output; function : "A * B";
      internal_power () { related_pin : "A"; power (scalar) { values ("8"); } }
      internal_power () { related_pin : "B"; power (scalar) { values ("2"); } } }
  }
  cell (XOR) { area : 1;
    pin (A, B) { direction : input; capacitance : 1; }
    pin (Y) { direction : output; function : "(A ^ B)";
      internal_power () { related_pin : "A"; when : "B"; power (scalar) { values ("1"); } }
      internal_power () { related_pin : "A"; when : "!B"; power (scalar) { values ("3"); } }
      internal_power () { related_pin : "B"; when : "A"; power (scalar) { values ("5"); } }
      internal_power () { related_pin : "B"; when : "!A"; power (scalar) { values ("7"); } } }
  }
  cell (FF) { area : 4; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (D) { direction : input; capacitance : 1;
      internal_power () { when : "!CK & !Q & QN"; power (scalar) { values ("4"); } }
      internal_power () { when : "!CK & Q & !QN"; power (scalar) { values ("8"); } } }
    pin (CK) { direction : input; clock : true; capacitance : 1;
      internal_power () { when : "D & Q & !QN"; rise_power (scalar) { values ("1"); }
        fall_power (scalar) { values ("3"); } }
      internal_power () { when : "!D & !Q & QN"; power (scalar) { values ("6"); } } }
    pin (Q) { direction : output; function : "IQ";
      internal_power () { related_pin : "CK"; rise_power (scalar) { values ("10"); }
        fall_power (scalar) { values ("20"); } } }
    pin (QN) { direction : output; function : "IQN"; }
  }
  cell (GATE) { area : 4; clock_gating_integrated_cell : latch_posedge;
    statetable ("CK E", "IQ") { table : "L L : - : L, L H : - : H, H - : - : N"; }
    pin (CK) { direction : input; clock : true; capacitance : 1; }
    pin (E) { direction : input; capacitance : 1; }
    pin (GCK) { direction : output; }
  }
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    path = tmp_path_factory.mktemp("tiny") / "tiny.lib"
    path.write_text(LIBERTY)
    return read_library(path)


def circuit_of(library: Library, cells: Mapping[str, tuple[str, str]], **names: int) -> Circuit:
    """Cells as ``name: (cell, "pin=bit pin=bit")``; bit 2 is the clock; names of other bits."""
    top: dict[str, Any] = {
        "ports": {"clk": {"direction": "input", "bits": [2]}},
        "cells": {
            name: {
                "type": kind,
                "connections": {p: [int(b)] for p, b in (c.split("=") for c in pins.split())},
            }
            for name, (kind, pins) in cells.items()
        },
        "netnames": {name: {"bits": [bit]} for name, bit in {"clk": 2, **names}.items()},
    }
    return elaborate({"modules": {"top": top}}, "top", library.cells)


def inner(
    circuit: Circuit, rates: Mapping[int, float], slew: float = 0.0, load: float = 0.0
) -> Any:
    """Energy inside each cell, by cell and pin; rates by the number of the net."""
    given = np.array([rates.get(net, 0.0) for net in range(circuit.n_nets)])
    wide = np.ones((circuit.n_nets, 2))
    energy = inner_fj(circuit, slew * wide, load * wide, given)
    return {
        kind: {name: energy[kind][0, s] for s, (name, _) in enumerate(held.slots)}
        for kind, held in circuit.instances.items()
    }


def net(circuit: Circuit, kind: str, pin: str) -> int:
    held = circuit.instances[kind]
    return int(held.nets[0, [name for name, _ in held.slots].index(pin)])


@given(rate=st.floats(0, 2), slew=st.floats(0, 200), load=st.floats(0, 20))
def test_a_toggle_is_half_a_rise_and_half_a_fall(
    library: Library, rate: float, slew: float, load: float
) -> None:
    circuit = circuit_of(library, {"i": ("INV", "A=3 Y=4")})
    found = inner(circuit, {net(circuit, "INV", "Y"): rate}, slew, load)
    assert found["INV"]["Y"] == pytest.approx(rate * (slew + load + 4) / 2)
    assert found["INV"]["A"] == 0


def test_inputs_share_an_outputs_toggles_by_how_often_they_toggle(library: Library) -> None:
    circuit = circuit_of(library, {"a": ("AND", "A=3 B=4 Y=5")})
    a, b, y = (net(circuit, "AND", pin) for pin in "ABY")
    assert inner(circuit, {a: 0.1, b: 0.1, y: 0.5})["AND"]["Y"] == pytest.approx(0.5 * 5)
    assert inner(circuit, {a: 0.3, b: 0.1, y: 0.5})["AND"]["Y"] == pytest.approx(0.5 * 6.5)
    assert inner(circuit, {y: 0.5})["AND"]["Y"] == pytest.approx(0.5 * 5)


def test_states_count_by_their_share(library: Library) -> None:
    circuit = circuit_of(library, {"x": ("XOR", "A=3 B=4 Y=5"), "f": ("FF", "D=5 CK=2 Q=6")})
    a, y, q = net(circuit, "XOR", "A"), net(circuit, "XOR", "Y"), net(circuit, "FF", "Q")
    found = inner(circuit, {a: 1.0, y: 1.0, net(circuit, "FF", "CK"): 2.0, q: 0.5})
    assert found["XOR"]["Y"] == pytest.approx(2.0)  # only A toggles: 1 or 3
    assert found["FF"]["D"] == pytest.approx((4 + 8) / 4)  # a quarter of the states each
    assert found["FF"]["CK"] == pytest.approx(2 * ((1 + 3) / 2 + 6) / 4)
    assert found["FF"]["Q"] == pytest.approx(0.5 * 15)


@pytest.mark.parametrize(
    ("cells", "high", "rate", "known"),
    [
        ({}, {"go": 0.25}, 0.5, 1),
        ({}, {}, 2.0, 0),
        ({"n": ("INV", "A=7 Y=4")}, {"stop": 0.25}, 1.5, 1),
        ({"n": ("AND", "A=7 B=8 Y=4")}, {"stop": 0.5, "also": 0.5}, 0.5, 1),
        ({"n": ("AND", "A=7 B=8 Y=4")}, {"stop": 0.5}, 2.0, 0),
        ({"n": ("FF", "D=7 CK=2 Q=4")}, {"stop": 0.5}, 2.0, 0),
    ],
)
def test_clocks_behind_gates_toggle_as_often_as_these_are_open(
    library: Library, cells: dict[str, tuple[str, str]], high: dict[str, float], rate: float, known: int
) -> None:  # fmt: skip
    gated = {"g": ("GATE", "CK=2 E=4 GCK=5"), "f": ("FF", "D=6 CK=5 Q=6"), **cells}
    names = {"go": 4} if not cells else {"stop": 7, "also": 8}
    circuit = circuit_of(library, gated, **names)
    found = clock_rates(circuit, {"": high})
    assert found.rates[net(circuit, "GATE", "GCK")] == pytest.approx(rate)
    assert (found.gates, found.known) == (1, known)


def test_energy_is_booked_where_it_is_taken(library: Library) -> None:
    """2 V: 2 fJ a toggle and fF. The clock's port drives two pins, the inverter 3 fF and the flip-flop 2."""
    circuit = circuit_of(library, {"f": ("FF", "D=4 CK=2 Q=3"), "i": ("INV", "A=3 Y=4")})
    loads = np.zeros((circuit.n_nets, 2))
    loads[net(circuit, "INV", "Y")] = 3, 1
    loads[net(circuit, "INV", "A")] = 2, 2
    loads[net(circuit, "FF", "CK")] = 1, 1
    analysis = Analysis(1.0, (), np.zeros_like(loads), loads, 0)
    clocks = clock_rates(circuit, {}).rates
    toggles = toggles_of(circuit, library, lambda _: "fu", lambda _: 0.5, clocks)
    found = energy_of(circuit, analysis, library, toggles)["fu"]
    assert found.nets == pytest.approx(0.5 * (3 + 2) * 2)
    assert (found.clock_nets, found.ports) == (0, 0)
    assert found.clock_port == pytest.approx(2 * 1 * 2)
    assert found.clock_cells == pytest.approx(2 * 2)
    assert found.cells == pytest.approx(0.5 * (15 + 3 + (3 + 4) / 2))
    assert found.leakage_nw == 5


SMALL = """\
module product(input clk, input go, input [5:0] a, input [5:0] b, output [11:0] y);
  reg [5:0] left, right;
  reg [11:0] total;
  always @(posedge clk) begin
    left <= a;
    right <= b;
    if (go) total <= total + left * right;
  end
  assign y = total ^ {left, right};
endmodule
"""


@pytest.mark.skipif(not has_sta(), reason="OpenSTA isn't installed")
def test_opensta_takes_as_much(tmp_path: Path) -> None:
    """Charging nets and leakage within 2 %, energy inside cells, counted as this version counts it,
    within 5 %."""
    (tmp_path / "in.v").write_text(SMALL)
    library = read_library(None)
    netlist = synthesise(tmp_path / "in.v", "product", [], library, tmp_path, flat=False)
    timing = clock_of(netlist, library, [])
    circuit, period = timing.circuit, 1000
    gates = clock_rates(circuit, {})
    toggles = toggles_of(circuit, library, lambda _: "fu", lambda _: 0.3, gates.rates)
    found = instance_power(
        netlist.path.read_text(),
        [library.path],
        circuit,
        "product",
        toggles.rates,
        period,
        tmp_path,
    )
    theirs = np.array(list(found.values())).sum(axis=0)
    ours = energy_of(circuit, timing.analysis, library, toggles, as_2_0_17)["fu"]
    assert gates.gates == 1
    assert ours.cells + ours.clock_cells == pytest.approx(theirs[0], rel=0.05)
    assert ours.nets + ours.clock_nets == pytest.approx(theirs[1], rel=0.02)
    assert ours.leakage_nw / 1000 == pytest.approx(theirs[2], rel=0.02)
