"""Clocks asked for, constraints, and FuseSoC cores."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from frontends.yaml import load_workload
from lego.artefact.handoff import clock_ps
from lego.back.pipeline import Options
from lego.compile import compile_workload
from lego.diag import LegoError
from lego.ir.device import devices_from_json
from lego.ppa.price import report_table
from lego.tools import run

GEMM = Path(__file__).resolve().parents[1] / "workloads" / "gemm_os_sys.yaml"


@pytest.mark.parametrize(
    ("text", "period"),
    [("1GHz", 1000), ("800MHz", 1250), ("1.25ns", 1250), ("3 ghz", 333), ("10ps", 10)],
)
def test_clocks(text: str, period: int) -> None:
    assert clock_ps(text) == period


@pytest.mark.parametrize(
    "text", ["", "1", "GHz", "0GHz", "-1ns", "1e3MHz", "9ps", "1Hz", "1THz", "20000ns"]
)
def test_what_is_no_clock(text: str) -> None:
    with pytest.raises(LegoError, match="E904"):
        clock_ps(text)


def files(clock: int | None) -> dict[str, bytes]:
    return compile_workload(
        load_workload(GEMM), source=GEMM.read_bytes(), options=Options(clock_ps=clock)
    )


def test_the_core_names_what_is_there() -> None:
    made = files(None)
    text = made["gemm_os_sys_mm.core"].decode()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.removeprefix("CAPI=2:\n"))
    for fileset in core["filesets"].values():
        assert fileset["files"]
        assert set(fileset["files"]) <= set(made)
    for target in core["targets"].values():
        assert f"module {target['toplevel']}(" in made["gemm_os_sys_mm.v"].decode()
        assert set(target["filesets"]) <= set(core["filesets"])


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA isn't installed")
def test_opensta_reads_the_constraints(tmp_path: Path) -> None:
    from lego.ppa.library import read_library
    from lego.ppa.macro_liberty import macro_liberty
    from lego.ppa.sram import black_boxes
    from lego.ppa.synthesis import synthesise

    made = files(1500)
    macros = black_boxes(devices_from_json(made["device.json"])[0])
    (tmp_path / "d.v").write_bytes(made["gemm_os_sys_mm.v"] + made["lego_sram.v"])
    (tmp_path / "d.sdc").write_bytes(made["gemm_os_sys_mm.sdc"])
    library = read_library(None)
    (tmp_path / "m.lib").write_text(macro_liberty(macros, library))
    synthesise(tmp_path / "d.v", "gemm_os_sys_mm", macros, library, tmp_path, flat=False)
    netlist = (tmp_path / "netlist.v").read_text().replace(" signed ", " ")
    (tmp_path / "n.v").write_text(netlist)
    (tmp_path / "t.tcl").write_text(
        f"read_liberty {{{library.path}}}\nread_liberty m.lib\nread_verilog n.v\n"
        "link_design gemm_os_sys_mm\nread_sdc d.sdc\nreport_clock_properties\n"
        "check_setup -verbose\nreport_checks\nexit\n"
    )
    done = run(["sta", "-no_splash", "-exit", "t.tcl"], cwd=tmp_path, timeout_s=120)
    assert "1.50" in done.stdout
    assert "no input delay" not in done.stdout
    assert "slack" in done.stdout
    assert "Error" not in done.stdout + done.stderr


def test_the_report_says_whether_the_clock_is_met() -> None:
    design = {
        "top": "t", "fus": 1, "flip_flops": 1, "min_period_ps": 1200, "timing_method": "m",
        "critical_path": "a -> b", "power_period_ps": 1200, "energy_per_operation_fj": 1,
        "register_bits": 0,
        "area_1e-3um2": dict.fromkeys(("fu", "interconnect", "memory", "control", "sram", "total"), 1),
        "power_uw": {"logic": {}, "sram": {}, "total": 1},
    }  # fmt: skip
    report = {
        "library": {"name": "l"},
        "synthesis": "s",
        "synthesis_target_ps": 1000,
        "sram_model": "m",
        "power_method": "p",
        "designs": [design],
    }
    for clock, verdict in ((1000, "MISSED by 0.200 ns"), (1200, "met"), (None, "")):
        met = None if clock is None else clock >= 1200
        rows = dict(report_table(report | {"clock_ps": clock, "designs": [design | {"met": met}]}))
        assert verdict in rows.get("clock asked for", "")
        assert ("clock asked for" in rows) == (clock is not None)
