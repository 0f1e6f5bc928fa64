"""Prices every design of an artefact folder and writes ppa.json."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lego.ppa.activity import DEFAULT_ACTIVITY, activity_by_category
from lego.ppa.library import Library, read_library
from lego.ppa.power import METHOD, power_of
from lego.ppa.sram import MODEL, macro
from lego.ppa.synthesis import Netlist, synthesise
from lego.ppa.timing import clock_of
from lego.publish import add_files

__all__ = ["price", "report_table"]

CATEGORIES = ("fu", "interconnect", "memory", "control")


def price(folder: Path, *, liberty: Path | None = None, flat: bool = False) -> dict[str, Any]:
    """Synthesise the folder's designs; returns what ppa.json holds.

    Areas are in 1e-3 um2 as integers, so that totals equal the sums of their parts exactly.
    Raises E801 for a bad library, E802 if synthesis fails.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    library = read_library(liberty)
    saif_file = folder / "activity.saif"
    saif = saif_file.read_text() if saif_file.is_file() else ""
    report = {
        "schema": "lego/ppa/1",
        "library": {"name": library.name, "sha256": library.sha256, "voltage": library.voltage},
        "tools": {"pyosys": version("pyosys")},
        "synthesis": "flattened" if flat else "hierarchical",
        "sram_model": MODEL,
        "power_method": METHOD,
        "designs": [_design(folder, entry, library, saif, flat) for entry in manifest["designs"]],
    }
    add_files(folder, {"ppa.json": (json.dumps(report, indent=1) + "\n").encode()})
    return report


def _design(
    folder: Path, entry: Mapping[str, Any], library: Library, saif: str, flat: bool
) -> dict[str, Any]:
    macros = [m["module"] for m in entry["macros"]]
    with tempfile.TemporaryDirectory(prefix="lego-ppa-") as name:
        scratch = Path(name)
        verilog = (folder / entry["verilog"]).resolve()
        netlist = synthesise(verilog, entry["top"], macros, library, scratch, flat=flat)
        access = max((macro(m["bits"], m["depth"]).access_ps for m in entry["macros"]), default=0)
        clock = clock_of(netlist, library, scratch, access)
    area = _areas(netlist, entry, library)
    run = entry["program"]
    categories = {
        "fu_": "fu",
        "array": "interconnect",
        "memory_": "memory",
        "control": "control",
        "registers": "control",
    }
    measured = _section(saif, entry["top"])
    activity = activity_by_category(measured, run["cycles"], categories) if measured else {}
    power = power_of(
        netlist, library, entry["modules"], activity, clock.period_ps, DEFAULT_ACTIVITY
    )
    sram = _sram_power(entry, clock.period_ps)
    total_uw = sram + sum(p.dynamic_uw + p.clock_uw + p.leakage_uw for p in power.values())
    operations = run["iterations"] * max(1, entry["macs_per_fu"])
    energy_fj = total_uw * clock.period_ps * run["cycles"] / operations / 1000
    return {
        "top": entry["top"],
        "fus": entry["fus"],
        "area_1e-3um2": area,
        "flip_flops": _flip_flops(netlist, library),
        "period_ps": clock.period_ps,
        "timing_method": clock.method,
        "critical_path": clock.path,
        "activity": {k: round(v, 4) for k, v in activity.items()} or f"default {DEFAULT_ACTIVITY}",
        "power_uw": {
            "logic": {
                k: {"dynamic": p.dynamic_uw, "clock": p.clock_uw, "leakage": p.leakage_uw}
                for k, p in power.items()
            },
            "sram": sram,
            "total": total_uw,
        },
        "energy_per_operation_fj": round(energy_fj),
    }


def _areas(netlist: Netlist, entry: Mapping[str, Any], library: Library) -> dict[str, int]:
    counts = netlist.instances()
    areas = dict.fromkeys((*CATEGORIES, "sram"), 0)
    for module, cells in netlist.cells.items():
        own = sum(round(library.cells[c].area_um2 * 1000) * n for c, n in cells.items())
        areas[entry["modules"].get(module, "control")] += own * counts.get(module, 0)
    for m in entry["macros"]:
        areas["sram"] += macro(m["bits"], m["depth"]).area_nm2_k * counts.get(
            m["module"], m["count"]
        )
    areas["total"] = sum(areas.values())
    return areas


def _flip_flops(netlist: Netlist, library: Library) -> int:
    counts = netlist.instances()
    return sum(
        n * counts.get(module, 0)
        for module, cells in netlist.cells.items()
        for c, n in cells.items()
        if library.cells[c].clock_ff > 0
    )


def _sram_power(entry: Mapping[str, Any], period_ps: int) -> int:
    """Every bank accessed once a cycle for inputs that aren't held: an upper bound, said so."""
    access_fj = sum(macro(m["bits"], m["depth"]).energy_fj * m["count"] for m in entry["macros"])
    iterations = entry["program"]["iterations"]
    cycles = entry["program"]["cycles"]
    busy = min(1.0, iterations / (entry["fus"] * cycles))
    return round(access_fj / period_ps * 1000 * busy * _duty(entry))


def _duty(entry: Mapping[str, Any]) -> float:
    """Share of banks that work in a cycle: elements moved at least once over bank-cycles."""
    run = entry["program"]
    moved = sum(_product(layout["shape"]) for layout in run["layouts"].values())
    banks = sum(m["banks"] for m in entry["memories"])
    return min(1.0, max(moved / (banks * run["cycles"]), 1 / max(1, banks)))


def _product(values: Sequence[int]) -> int:
    total = 1
    for value in values:
        total *= value
    return total


def _section(saif: str, top: str) -> str:
    """The part of a SAIF below the bench of one design."""
    start = re.search(rf"\(INSTANCE (?:\S+ )?\"?bench_{re.escape(top)}\"?", saif)
    return saif[start.start() :] if start else ""


def report_table(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(quantity, value) rows for people."""
    rows = [("library", str(report["library"]["name"])), ("synthesis", str(report["synthesis"]))]
    for d in report["designs"]:
        area = d["area_1e-3um2"]
        rows.append(("design", f"{d['top']} ({d['fus']} FUs)"))
        for name in (*CATEGORIES, "sram", "total"):
            rows.append(
                (
                    f"area {name}",
                    f"{area[name] / 1000:,.1f} um2 ({area[name] / max(1, area['total']):.1%})",
                )
            )
        rows.append(("area per FU", f"{area['fu'] / 1000 / d['fus']:,.1f} um2"))
        rows.append(("flip-flops", f"{d['flip_flops']:,}"))
        rows.append(("clock", f"{d['period_ps'] / 1000:.3f} ns ({1e6 / d['period_ps']:.0f} MHz)"))
        rows.append(("timing by", d["timing_method"]))
        rows.append(("critical path", d["critical_path"]))
        rows.append(
            (
                "power at that clock",
                f"{d['power_uw']['total'] / 1000:,.2f} mW, of it SRAM {d['power_uw']['sram'] / 1000:,.2f} mW",
            )
        )
        rows.append(("energy per multiplication", f"{d['energy_per_operation_fj'] / 1000:.3f} pJ"))
    rows.append(("SRAM model", str(report["sram_model"])))
    rows.append(("power method", str(report["power_method"])))
    return rows
