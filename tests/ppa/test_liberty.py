"""Liberty files: a small one by hand, whose every figure is known; what isn't one is refused with
its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.diag import LegoError
from lego.ppa.cells import Arc, InternalPower, Leakage, Table
from lego.ppa.liberty import parse_liberty
from lego.ppa.library import read_library

TEXT = r"""/* a comment { with braces } */
library ("tiny") {
  time_unit : "10ps"; // to the end of the line }
  voltage_unit : "1V"; nom_voltage : 0.9
  leakage_power_unit : "1uW";
  capacitive_load_unit (0.1, pf);
  default_input_pin_cap : 0.5;
  slew_lower_threshold_pct_rise : 10.0; slew_derate_from_library : 0.5;
  voltage_map (VDD, 0.9); voltage_map (VSS, 0.0);
  lu_table_template (two) {
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("1, 2"); index_2 ("1, 2, 3");
  }
  lu_table_template (check) {
    variable_1 : related_pin_transition; variable_2 : constrained_pin_transition;
    index_1 ("1"); index_2 ("1, 5");
  }
  power_lut_template (energy) { variable_1 : input_transition_time; index_1 ("1, 2"); }
  type (pair) { base_type : array; data_type : bit; bit_width : 2; bit_from : 1; bit_to : 0; }
  cell (NAND)
  {
    area : 2.5;
    cell_leakage_power : 0.003;
    leakage_power () { when : "!A & B"; value : 0.002; }
    leakage_power () { value : 0.001; }
    pin (A, B) { direction : input; capacitance : 0.2; rise_capacitance : 0.3; }
    pin ("Z") {
      direction : "output"; function : "!(A * B)"; max_capacitance : 7;
      timing () {
        related_pin : "A B"; timing_sense : negative_unate; when : "!A";
        cell_rise (two) { index_1 ("4, 8"); values ("1, 2, 3", \
                                                    "4, 5, 6"); }
        rise_transition (scalar) { values ("0.5"); }
      }
      internal_power () { related_pin : "A"; when : "B";
        rise_power (energy) { values ("1, -2"); } fall_power (scalar) { values ("0.0"); } }
      internal_power () { related_pin : "B"; power (energy) { values ("3, 4"); } }
    }
  }
  cell (FF) {
    ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (CK) { direction : input; clock : true; }
    bus (D) { bus_type : pair; direction : input; capacitance : 0.4;
      timing () { related_pin : CK; timing_type : setup_rising;
        rise_constraint (check) { values ("1, 2"); } } }
    bundle (Q) { members (Q0, Q1); direction : output; pin (Q0) { function : IQ } }
  }
  cell (GATE) {
    statetable ("CK E", "IQ") { table : "L L : - : L, L H : - : H, H - : - : N"; }
    clock_gating_integrated_cell : latch_posedge;
    pin (CK) { direction : input; clock_gate_clock_pin : true; capacitance : 2; }
  }
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "tiny.lib").write_bytes(TEXT.replace("\n", "\r\n").encode())
    return tmp_path / "tiny.lib"


def test_units_defaults_and_thresholds(path: Path) -> None:
    library = read_library(path)
    assert (library.name, library.voltage) == ("tiny", 0.9)
    assert library.thresholds["slew_lower_threshold_pct_rise"] == 10
    assert library.thresholds["slew_upper_threshold_pct_fall"] == 80  # the manual's default
    assert library.thresholds["slew_derate_from_library"] == 0.5
    assert list(library.cells) == ["NAND", "FF", "GATE"]
    clock = library.cells["FF"].pins["CK"]
    assert clock.clock
    assert clock.capacitance_ff == clock.rise_ff == pytest.approx(50)


def test_pins_and_leakage(path: Path) -> None:
    cell = read_library(path).cells["NAND"]
    assert (cell.area_um2, cell.leakage_nw) == (2.5, pytest.approx(3))
    assert cell.leakages == (Leakage("!A & B", pytest.approx(2)), Leakage("", pytest.approx(1)))
    a, b, z = cell.pins.values()
    assert (a.name, b.name, z.name) == ("A", "B", "Z")
    assert (a.capacitance_ff, a.rise_ff, a.fall_ff) == pytest.approx((20, 30, 20))
    assert (z.direction, z.function, z.max_ff) == ("output", "!(A * B)", pytest.approx(700))
    assert cell.input_ff == pytest.approx(40)
    assert cell.clock_ff == 0


def test_arcs_one_per_related_pin(path: Path) -> None:
    arcs = read_library(path).cells["NAND"].pins["Z"].arcs
    axes = ("total_output_net_capacitance", "input_net_transition")
    rise = Table(axes, (near(400, 800), near(10, 20, 30)), near(10, 20, 30, 40, 50, 60))
    expected = ("combinational", "negative_unate", "!A", rise, None, Table((), (), near(5)), None)
    assert arcs == (Arc("A", *expected), Arc("B", *expected))


def near(*values: float) -> tuple[float, ...]:
    return tuple(pytest.approx(v) for v in values)  # type: ignore[misc]


def test_internal_power(path: Path) -> None:
    """In capacitance times voltage squared: 0.1 pF V^2 is 100 fJ."""
    first, second = read_library(path).cells["NAND"].pins["Z"].power
    axis = (("input_transition_time",), (near(10, 20),))
    assert first == InternalPower(
        ("A",), "B", Table(*axis, near(100, -200)), Table((), (), near(0))
    )
    both = Table(*axis, near(300, 400))
    assert second == InternalPower(("B",), "", both, both)


def test_cells_with_state(path: Path) -> None:
    cells = read_library(path).cells
    assert [(c.holds, c.gates) for c in cells.values()] == [
        ("", False),
        ("ff", False),
        ("statetable", True),
    ]
    flip_flop = cells["FF"]
    assert flip_flop.next_state == "D"
    assert flip_flop.pins["D"].bits == 2
    (setup,) = flip_flop.pins["D"].arcs
    assert (setup.related, setup.kind, setup.fall) == ("CK", "setup_rising", None)
    assert list(flip_flop.pins) == ["CK", "D", "Q0", "Q1"]
    assert cells["GATE"].clock_ff == pytest.approx(200)


def test_a_file_is_parsed_once_and_again_when_it_changed(path: Path) -> None:
    first = read_library(path)
    assert read_library(path) is first
    path.write_text(TEXT.replace("area : 2.5", "area : 3.5"))
    assert read_library(path).cells["NAND"].area_um2 == 3.5


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("nom_voltage : 0.9", "nom_voltage = 0.9", r"tiny.lib:4: .* found 'nom_voltage = 0.9'"),
        ("area : 2.5;", "area : big;", r"area of cell \(NAND\) is 'big'"),
        ('"4, 5, 6"', '"4, 5"', r"cell_rise \(two\) has 5 values, not 6"),
        ('"4, 5, 6"', '"4, 5, x"', "not numbers"),
        ('index_1 ("4, 8")', 'index_1 ("8, 4")', "don't ascend"),
        ('"10ps"', '"10 parsec"', "'10 parsec' is not a unit"),
        ("library", "library (x) { }\nlibrary", "not one group"),
    ],
)
def test_faults_are_told(path: Path, old: str, new: str, told: str) -> None:
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(LegoError, match=told) as caught:
        read_library(path)
    assert caught.value.code == "E801"


@given(st.integers(0, len(TEXT)), st.sampled_from(["}", "{", '"', ";", "(", "", "x", "\x00"]))
def test_broken_files_end_in_one_error(at: int, put: str) -> None:
    """Cut and with something foreign put in: a tree or E801, never another exception."""
    for text in (TEXT[:at] + put, TEXT[:at] + put + TEXT[at:]):
        try:
            parse_liberty(text, "broken.lib")
        except LegoError as error:
            assert error.code == "E801"
