"""Prices of small designs: sums, counts that can be worked out by hand, and refusals."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from frontends.yaml import load_text
from lego.artefact.manifest import read_devices
from lego.artefact.publish import publish
from lego.compile import compile_workload
from lego.diag import LegoError
from lego.ppa import price, report_table
from lego.ppa.activity import outdated, read_activities, read_saif, write_activities
from lego.ppa.library import read_library
from lego.ppa.sram import black_boxes, macro
from lego.ppa.synthesis import synthesise
from sim.simulate import simulate

ROOT = Path(__file__).resolve().parents[2]
SMALL = (ROOT / "tests" / "workloads" / "gemm_os_sys.yaml").read_text()
"""All memories have fewer than 64 words."""
TEXT = SMALL.replace("m: 10, n: 13, k: 7", "m: 34, n: 33, k: 8").replace("4]}", "4], read_cost: 1}")
"""All have more."""


def simulated(text: str, target: Path) -> Path:
    publish(target, compile_workload(load_text(text), source=text.encode()))
    assert not simulate(target, activity=True).verdicts[0].failures
    return target


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(TEXT, tmp_path_factory.mktemp("ppa") / "gemm")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Operands take macros, results registers."""
    text = SMALL.replace("m: 10, n: 13, k: 7", "m: 4, n: 8, k: 24")
    return simulated(text, tmp_path_factory.mktemp("ppa") / "mixed")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return price(folder)


def test_parts_sum_to_the_total(folder: Path, report: dict[str, Any]) -> None:
    (design,) = report["designs"]
    area = dict(design["area_1e-3um2"])
    total = area.pop("total")
    assert total == sum(area.values())
    assert all(part > 0 for part in area.values())
    assert json.loads((folder / "ppa.json").read_text()) == report


def test_area_equals_the_sum_over_the_flattened_cells(folder: Path, tmp_path: Path) -> None:
    """The hierarchy's areas times instance counts, against Yosys's own sum."""
    (device,) = read_devices(folder)
    library = read_library(None)
    macros = black_boxes(device)
    verilog = tmp_path / "design.v"
    verilog.write_text("".join((folder / name).read_text() for name in device.sources))
    netlist = synthesise(verilog, device.top, macros, library, tmp_path, flat=False)
    ours = sum(
        library.cells[cell].area_um2 * many * netlist.instances()[module]
        for module, cells in netlist.cells.items()
        for cell, many in cells.items()
        if module in netlist.instances()
    )
    stat = json.loads((tmp_path / "stat.json").read_text())
    assert ours == pytest.approx(float(stat["design"]["area"]), rel=1e-6)


def test_flattened_cells_count_as_what_they_come_from(
    folder: Path, report: dict[str, Any], tmp_path: Path
) -> None:
    """Areas and power of the whole differ by 3 %; each category's power as its area, but for other
    kinds of gates."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    clock_ns = report["designs"][0]["power_period_ps"] / 1000
    (flat,) = price(copy, flat=True, clock_ns=clock_ns)["designs"]
    (whole,) = report["designs"]
    areas, power = "area_1e-3um2", [d["power_uw"]["logic"] for d in (flat, whole)]
    assert flat[areas]["sram"] == whole[areas]["sram"]
    assert flat[areas]["total"] == pytest.approx(whole[areas]["total"], rel=0.03)
    assert flat["flip_flops"] == pytest.approx(whole["flip_flops"], rel=0.05)
    for category in ("fu", "interconnect", "memory", "control"):
        ratio = flat[areas][category] / whole[areas][category]
        assert 0.92 < ratio < 1.08
        ours, theirs = (sum(parts[category].values()) for parts in power)
        assert ours / theirs == pytest.approx(ratio, abs=0.16)
    ours, theirs = (sum(v for parts in logic.values() for v in parts.values()) for logic in power)
    assert ours == pytest.approx(theirs, rel=0.03)


def test_memories_are_macros_not_flip_flops(folder: Path, report: dict[str, Any]) -> None:
    (device,) = read_devices(folder)
    bits = sum(m.bits * m.depth * m.count for m in device.macros)
    sram = sum(macro(m.bits, m.depth).area_nm2_k * m.count for m in device.macros)
    (design,) = report["designs"]
    assert design["flip_flops"] < bits
    assert design["register_bits"] == 0
    assert design["area_1e-3um2"]["sram"] == sram


def test_memories_that_are_too_small_for_macros_are_flip_flops(mixed: Path) -> None:
    """Those of fewer than 64 words or 8 bits: nobody offers macros so small."""
    (device,) = read_devices(mixed)
    for m in device.macros:
        assert m.registers == (m.depth < 64 or m.bits < 8)
    small, large = (
        sum(m.bits * m.depth * m.count for m in device.macros if m.registers is registers)
        for registers in (True, False)
    )
    assert small > 0 < large
    report = price(mixed)
    (design,) = report["designs"]
    area, power = design["area_1e-3um2"], design["power_uw"]
    sram = [macro(m.bits, m.depth).area_nm2_k * m.count for m in device.macros if not m.registers]
    assert area["sram"] == sum(sram)
    assert design["register_bits"] == small < design["flip_flops"] < small + large
    assert 5 * 1000 * small < area["memory"] < 15 * 1000 * small
    assert power["sram"]["Y"] == 0 < power["sram"]["X"]
    assert dict(report_table(report))["memories of registers"] == f"{small:,} bits"
    assert design["clock_gates"]["simulated"] == design["clock_gates"]["total"]
    flat = price(mixed, flat=True)["designs"][0]["area_1e-3um2"]
    assert flat["memory"] == pytest.approx(area["memory"], rel=0.1)
    assert flat["total"] == pytest.approx(area["total"], rel=0.1)


def test_the_activity_is_that_of_the_busy_cycles(folder: Path, report: dict[str, Any]) -> None:
    """The banks of all rows, or columns, are one macro, read in every step; only valid sums are written."""
    program = read_devices(folder)[0].dataflows[0].program
    activity = report["designs"][0]["activity"]
    assert activity["cycles"] == program.cycles
    m, n, k = (program.bounds[name] for name in "mnk")
    accesses = activity["sram_accesses"]
    assert accesses["Y"] == m * n
    tiles = -(-m // 4) * -(-n // 4)
    assert accesses["X"] == accesses["W"] == tiles * k
    assert 0 < activity["toggles"]["fu"] < activity["bits"]["fu"] * activity["cycles"]


SAIF = """\
(SAIFILE
(DURATION 20)
(INSTANCE tb
(INSTANCE dut
(NET
(clk (T0 10) (T1 10) (TZ 0) (TX 0) (TB 0) (TC 20))
(go (T0 20) (T1 0) (TZ 0) (TX 0) (TB 0) (TC 0))
)
(INSTANCE array
(INSTANCE fu_0_1
(NET
(choice\\[0\\] (T0 5) (T1 15) (TZ 0) (TX 0) (TB 0) (TC 3))
(choice\\[1\\] (T0 14) (T1 6) (TZ 0) (TX 0) (TB 0) (TC 2))
WIDE)
)
)
)
)
)
"""


def test_bits_of_choices_are_recorded_and_data_is_not() -> None:
    bits = [f"(data\\[{k}\\] (T0 0) (T1 20) (TZ 0) (TX 0) (TB 0) (TC 1))\n" for k in range(5)]
    found = read_saif(SAIF.replace("WIDE", "".join(bits)), {})
    assert found.cycles == 10
    assert found.high == {"": {"go": 0.0}, "array.fu_0_1": {"choice[0]": 0.7, "choice[1]": 0.3}}
    assert (found.toggles["fu"], found.bits["fu"]) == (3 + 2 + 5, 7)


def test_clock_gates_are_open_as_often_as_their_enables_are_high(
    folder: Path, report: dict[str, Any]
) -> None:
    """The host keeps still, so the registers that it writes take no clock."""
    (design,) = report["designs"]
    gates = design["clock_gates"]
    assert gates["simulated"] == gates["total"] > 0
    text = (folder / "activity.json").read_text()
    (activity,) = read_activities(text).values()
    assert {path for path in activity.high if path.startswith("array.fu_")}
    assert 0.0 in activity.high["registers"].values()
    assert not outdated(text)
    assert outdated(text.replace("lego/activity/2", "lego/activity/1"))
    open_ = replace(activity, high_cycles={})
    copy = folder.parent / "open"
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    (copy / "activity.json").write_text(write_activities({design["top"]: open_}))
    (counted,) = price(copy)["designs"]
    assert counted["clock_gates"]["simulated"] == 0
    clock = [d["power_uw"]["logic"]["control"]["clock"] for d in (design, counted)]
    assert clock[0] < 0.8 * clock[1]


def test_same_twice(folder: Path, report: dict[str, Any]) -> None:
    before = (folder / "ppa.json").read_bytes()
    price(folder)
    assert (folder / "ppa.json").read_bytes() == before


def test_a_slower_clock_takes_less_power(folder: Path, report: dict[str, Any]) -> None:
    (fast,) = report["designs"]
    slow = price(folder, clock_ns=50.0)["designs"][0]
    assert slow["power_uw"]["total"] < fast["power_uw"]["total"] / 4
    assert slow["area_1e-3um2"] == fast["area_1e-3um2"]
    rows = dict(report_table({**report, "designs": [{**slow, "power_period_ps": 10}]}))
    assert "TOO FAST" in rows["power at"]


def test_the_longest_path_is_told_by_both_ends(folder: Path, report: dict[str, Any]) -> None:
    (design,) = report["designs"]
    assert design["timing_method"].startswith("static timing analysis")
    verilog = (folder / "gemm_os_sys_mm.v").read_text()
    for end in design["critical_path"].split(" -> "):
        assert f" {end.split('.')[0]} (" in verilog  # an instance of the top
        signal = end.removesuffix(" (SRAM macro)").split(".")[-1].partition("[")[0]
        assert re.search(rf"\b(reg|output|input) .*\b{signal}\b", verilog)
    arrivals = [arrival for *_, arrival in design["critical_cells"]]
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] <= design["min_period_ps"]


def chain(registers: int) -> str:
    wires = "".join(f"  reg [7:0] r{i};\n" for i in range(registers + 1))
    moves = "".join(f"    r{i + 1} <= r{i};\n" for i in range(registers))
    return (
        f"module chain(input clk, input [7:0] a, output [7:0] y);\n{wires}"
        f"  always @(posedge clk) begin\n    r0 <= a;\n{moves}  end\n"
        f"  assign y = r{registers};\nendmodule\n"
    )


def test_a_register_more_is_area_more(tmp_path: Path) -> None:
    library, areas = read_library(None), []
    for registers in range(3):
        scratch = tmp_path / str(registers)
        scratch.mkdir()
        (scratch / "chain.v").write_text(chain(registers))
        netlist = synthesise(scratch / "chain.v", "chain", [], library, scratch, flat=False)
        areas.append(sum(library.cells[c].area_um2 * n for c, n in netlist.cells["chain"].items()))
    flip_flop = areas[0] / 8
    assert areas == pytest.approx([8 * flip_flop * (k + 1) for k in range(3)])


@pytest.mark.parametrize("text", [None, "", "library (x) { }", "not liberty", "\x00\xff"])
def test_a_bad_library_is_refused(
    folder: Path, report: dict[str, Any], tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "bad.lib"
    if text is not None:
        path.write_text(text)
    before = (folder / "ppa.json").read_bytes()
    with pytest.raises(LegoError, match="E801"):
        price(folder, liberty=path)
    assert (folder / "ppa.json").read_bytes() == before


def test_bad_activity_and_clock_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "activity.json").write_text('{"designs": {}}')
    with pytest.raises(LegoError, match="E805"):
        price(copy)
    (copy / "activity.json").write_text("[]")
    with pytest.raises(LegoError, match="E805"):
        price(copy)
    with pytest.raises(LegoError, match="E806"):
        price(folder, clock_ns=0.0)
    with pytest.raises(LegoError, match="E805"):
        read_saif("(SAIFILE (DURATION 4))", {})
