"""Prices every design of an artefact folder and writes ppa.json."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lego.artefact.manifest import read_devices, read_manifest
from lego.artefact.publish import add_files
from lego.diag import LegoError
from lego.ir.device import Device
from lego.ppa.activity import Activity, read_activities
from lego.ppa.library import Library, read_library
from lego.ppa.parts import parts_of
from lego.ppa.power import METHOD, power_of, sram_power_uw
from lego.ppa.sram import MODEL, black_boxes, price_of
from lego.ppa.synthesis import Netlist, synthesise, target_of
from lego.ppa.timing import METHOD as TIMING_METHOD
from lego.ppa.timing import Timing, clock_of

__all__ = ["areas", "check_clock", "flip_flops", "price", "register_bits", "report_table"]

CATEGORIES = ("fu", "interconnect", "memory", "control")


def price(
    folder: Path, *, liberty: Path | None = None, flat: bool = False, clock_ns: float | None = None
) -> dict[str, Any]:
    """Synthesise the folder's designs; returns what ppa.json holds, and writes it.

    Power is given at the minimum period, or at `clock_ns`. Areas are in 1e-3 um2 as integers, so
    that totals equal the sums of their parts exactly. A design's `met` says whether it reaches the
    clock that `lego compile --clock` asked for; None if it asked for none. The folder must hold
    activity.json, but for a device with engines: it has its area by parts, and no power, as nothing records
    what switches in it; `clock_ns` is then the clock that it is to reach, if it was compiled for none.
    Raises E801 for a bad library, E802 if synthesis fails, E803 if timing fails, E805 for a bad activity
    record, E806 for a clock outside 0.01 to 10,000 ns.
    """
    check_clock(clock_ns)
    clock_ps, devices = read_manifest(folder).clock_ps, read_devices(folder)
    library = read_library(liberty)
    alone = all(device.engines is None for device in devices)
    activities = read_activities((folder / "activity.json").read_text()) if alone else {}
    if not alone and clock_ps is None and clock_ns is not None:
        clock_ps = round(clock_ns * 1000)
    report: dict[str, Any] = {
        "schema": "lego/ppa/3",
        "clock_ps": clock_ps,
        "library": {"name": library.name, "sha256": library.sha256, "voltage": library.voltage},
        "tools": {"pyosys": version("pyosys")},
        "synthesis": "flattened" if flat else "hierarchical",
        "synthesis_target_ps": target_of(clock_ps),
        "sram_model": MODEL,
        "power_method": METHOD,
        "designs": [
            _design(folder, device, library, activities, flat, clock_ns, clock_ps)
            for device in devices
        ],
    }
    add_files(folder, {"ppa.json": (json.dumps(report, indent=1) + "\n").encode()})
    return report


def _met(period_ps: int, asked: int | None) -> bool | None:
    return None if asked is None else period_ps <= asked


def check_clock(clock_ns: float | None) -> None:
    """Raise E806 for a clock period out of range."""
    if clock_ns is not None and not 0.01 <= clock_ns <= 10_000:
        raise LegoError(
            "E806",
            f"a clock period of {clock_ns} ns is out of range",
            hint="give nanoseconds between 0.01 and 10,000",
        )


def _design(
    folder: Path,
    device: Device,
    library: Library,
    activities: Mapping[str, Activity],
    flat: bool,
    clock_ns: float | None,
    asked: int | None,
) -> dict[str, Any]:
    top, boxes = device.top, black_boxes(device)
    if top not in activities and device.engines is None:
        raise LegoError("E805", f"activity.json has no record of {top}", hint="delete it")
    with tempfile.TemporaryDirectory(prefix="lego-ppa-") as name:
        scratch = Path(name)
        verilog = scratch / "design.v"
        verilog.write_text("".join((folder / name).read_text() for name in device.sources))
        netlist = synthesise(
            verilog,
            top,
            boxes,
            library,
            scratch,
            flat=flat,
            clock_ps=asked,
            categories=device.categories(),
        )
        clock = clock_of(netlist, library, boxes, device.clock)
    period = clock.period_ps if clock_ns is None else round(clock_ns * 1000)
    power = _power(netlist, clock, device, library, activities[top], period) if activities else {}
    parts = parts_of(netlist, device, library)
    return {
        "top": top,
        "fus": device.fus,
        "area_1e-3um2": areas(netlist, device, library),
        **({"parts_1e-3um2": parts} if parts else {}),
        "flip_flops": flip_flops(netlist, library),
        "register_bits": register_bits(device),
        "min_period_ps": clock.period_ps,
        "timing_method": TIMING_METHOD,
        "critical_path": clock.path,
        "critical_cells": [list(step) for step in clock.steps],
        "met": _met(clock.period_ps, asked),
        **power,
    }


def _power(
    netlist: Netlist,
    clock: Timing,
    device: Device,
    library: Library,
    activity: Activity,
    period: int,
) -> dict[str, Any]:
    category = netlist.category
    logic, gates = power_of(clock.circuit, clock.analysis, library, category, activity, period)
    sram = sram_power_uw(device, activity, period)
    total_uw = sum(sram.values()) + sum(p.total_uw for p in logic.values())
    cycles = sum(flow.program.cycles for flow in device.dataflows)
    operations = sum(
        flow.program.iterations * max(1, flow.macs_per_fu) for flow in device.dataflows
    )
    return {
        "activity": {k: v for k, v in activity.to_json().items() if k != "high_cycles"},
        "clock_gates": {"total": gates.gates, "simulated": gates.known},
        "power_period_ps": period,
        "power_uw": {
            "logic": {
                k: {
                    "switching": p.switching_uw,
                    "internal": p.internal_uw,
                    "clock": p.clock_uw,
                    "leakage": p.leakage_uw,
                }
                for k, p in logic.items()
            },
            "sram": sram,
            "total": total_uw,
        },
        "energy_per_operation_fj": round(total_uw * period * cycles / operations / 1000),
    }


def areas(netlist: Netlist, device: Device, library: Library) -> dict[str, int]:
    """Cell area per category, that of SRAM macros as ``sram``, and the ``total``, in 1e-3 um2."""
    counts = netlist.instances()
    areas = dict.fromkeys((*CATEGORIES, "sram"), 0)
    for module, cells in netlist.cells.items():
        own = sum(round(library.cells[c].area_um2 * 1000) * n for c, n in cells.items())
        areas[netlist.category(module)] += own * counts.get(module, 0)
    for m in device.srams:
        areas["sram"] += price_of(m, device).area_nm2_k * m.count
    areas["total"] = sum(areas.values())
    return areas


def flip_flops(netlist: Netlist, library: Library) -> int:
    """Flip-flops over all instances."""
    counts = netlist.instances()
    return sum(
        n * counts.get(module, 0)
        for module, cells in netlist.cells.items()
        for c, n in cells.items()
        if library.cells[c].clock_ff > 0 and not library.cells[c].gates
    )


def register_bits(device: Device) -> int:
    """Bits of the memories that are too small for macros; their cells count as memory."""
    return sum(m.bits * m.depth * m.count for m in device.srams if m.registers)


def report_table(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(quantity, value) rows for people."""
    rows = [
        ("library", str(report["library"]["name"])),
        ("synthesis", f"{report['synthesis']}, logic sized for {report['synthesis_target_ps']} ps"),
    ]
    for d in report["designs"]:
        rows.append(("design", f"{d['top']} ({d['fus']} FUs)"))
        rows += _area_rows(d)
        rows += _clock_rows(d, report["clock_ps"])
        rows += _power_rows(d) if "power_uw" in d else []
    rows.append(("SRAM model", str(report["sram_model"])))
    if any("power_uw" in d for d in report["designs"]):
        rows.append(("power method", str(report["power_method"])))
    return rows


def _area_rows(d: Mapping[str, Any]) -> list[tuple[str, str]]:
    area, parts = d["area_1e-3um2"], d.get("parts_1e-3um2", {})
    given = [(name, area[name]) for name in (*CATEGORIES, "sram", "total")]
    rows = [
        (f"area {name}", f"{value / 1000:,.1f} um2 ({value / max(1, area['total']):.1%})")
        for name, value in (*given, *parts.items())
    ]
    if not parts:  # lanes of a vector engine count as FUs
        rows.append(("area per FU", f"{area['fu'] / 1000 / d['fus']:,.1f} um2"))
    rows.append(("flip-flops", f"{d['flip_flops']:,}"))
    return [*rows, ("memories of registers", f"{d['register_bits']:,} bits")]


def _clock_rows(d: Mapping[str, Any], asked: int | None) -> list[tuple[str, str]]:
    rows = [("least clock period", _period(d["min_period_ps"]))]
    if asked is not None:
        missed = f"MISSED by {(d['min_period_ps'] - asked) / 1000:.3f} ns, see the critical path"
        rows.append(("clock asked for", f"{_period(asked)}: {'met' if d['met'] else missed}"))
    rows.append(("timing by", d["timing_method"]))
    return [*rows, ("critical path", d["critical_path"])]


def _power_rows(d: Mapping[str, Any]) -> list[tuple[str, str]]:
    period, power = d["power_period_ps"], d["power_uw"]
    late = " (TOO FAST for this design)" if period < d["min_period_ps"] else ""
    logic = power["logic"].items()
    return [
        ("power at", _period(period) + late),
        *((f"power {name}", f"{sum(p.values()) / 1000:,.2f} mW") for name, p in logic),
        ("power sram", f"{sum(power['sram'].values()) / 1000:,.2f} mW"),
        ("power total", f"{power['total'] / 1000:,.2f} mW"),
        ("energy per multiplication", f"{d['energy_per_operation_fj'] / 1000:.3f} pJ"),
    ]


def _period(ps: int) -> str:
    return f"{ps / 1000:.3f} ns ({1e6 / ps:.0f} MHz)"
