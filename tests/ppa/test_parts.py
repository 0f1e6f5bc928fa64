"""Area by parts: every module of a device belongs to one part, as its place in the hierarchy says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego.compile import compile_workload
from lego.ir.device import Device, devices_from_json
from lego.ppa.library import read_library
from lego.ppa.parts import parts_of
from lego.ppa.price import areas, report_table
from lego.ppa.synthesis import Netlist
from tests.device.chips import FOLDER

LIBRARY = read_library(None)
CELL = "NAND2_X1"
NAND = round(LIBRARY.cells[CELL].area_um2 * 1000)
_MODULE = re.compile(r"^module (\w+)\(.*?^endmodule", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^  (\w+) \w+ \($", re.MULTILINE)


@cache
def made() -> tuple[Netlist, Device]:
    """The hierarchy of a device, with one cell in each module, and macros as synthesis leaves them."""
    path = FOLDER / "edge16.yaml"
    files = compile_workload(load_workload(path), source=path.read_bytes())
    (device,) = devices_from_json(files["device.json"].decode())
    text = "".join(files[name].decode() for name in device.sources)
    boxes = {macro.module for macro in device.srams if not macro.registers}
    held = {m[1]: dict(Counter(_INSTANCE.findall(m[0]))) for m in _MODULE.finditer(text)}
    held = {name: inner for name, inner in held.items() if name not in boxes}
    cells = {name: {CELL: 1} for name in held}
    return Netlist(device.top, cells, held, Path(), device.categories()), device


def test_parts_add_up_to_the_whole() -> None:
    netlist, device = made()
    parts = parts_of(netlist, device, LIBRARY)
    lane = parts.pop("vector lane")
    assert sum(parts.values()) == areas(netlist, device, LIBRARY)["total"]
    assert min(parts.values()) > 0
    assert 0 < 16 * lane < parts["vector engine"]


@pytest.mark.parametrize(
    ("module", "part", "times"),
    [
        ("device_axi_write", "bus masters", 1),
        ("device_gate", "commands", 4),
        ("device_shadow", "commands", 1),
        ("device_store", "store engine", 1),
        ("device_load", "load engine", 1),
        ("device_control", "control registers", 1),
        ("device_issue", "vector engine", 1),
        ("device_lane", "vector engine", 16),
        ("sequencer", "array control", 1),
        ("bank_in0", "memories", 16),
    ],
)
def test_a_larger_module_makes_its_part_larger(module: str, part: str, times: int) -> None:
    netlist, device = made()
    name = f"{device.top}_{module}"
    larger = replace(netlist, cells=netlist.cells | {name: {CELL: 2}})
    before, after = (parts_of(each, device, LIBRARY) for each in (netlist, larger))
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    changed.pop("vector lane", None)
    assert changed == {part: times * NAND}


def test_neither_a_flat_netlist_nor_an_array_alone_has_parts() -> None:
    netlist, device = made()
    assert parts_of(replace(netlist, cells={device.top: {}}, children={}), device, LIBRARY) == {}
    assert parts_of(netlist, replace(device, engines=None), LIBRARY) == {}


def test_the_report_of_a_device_has_its_parts_and_no_power() -> None:
    netlist, device = made()
    design = {
        "top": device.top, "fus": device.fus, "flip_flops": 1, "min_period_ps": 1100, "timing_method": "m",
        "critical_path": "a -> b", "register_bits": 0, "met": False, "power_period_ps": 1000,
        "area_1e-3um2": areas(netlist, device, LIBRARY), "parts_1e-3um2": parts_of(netlist, device, LIBRARY),
    }  # fmt: skip
    report = {
        "library": {"name": "l"}, "synthesis": "s", "synthesis_target_ps": 748, "sram_model": "m",
        "power_method": "p", "clock_ps": 1000, "designs": [design],
    }  # fmt: skip
    rows = dict(report_table(report))
    assert {"area vector engine", "area vector lane", "area bus masters"} <= set(rows)
    assert not any(name.startswith("power") for name in rows)
    assert rows["clock asked for"].endswith("MISSED by 0.100 ns, see the critical path")
    assert rows["critical path"] == "a -> b"
