"""Designs whose memories are macros of a map: bit-exact with models, priced by what the map says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_text
from frontends.yaml.sram_map import load_sram_map
from lego.artefact.manifest import read_devices
from lego.artefact.publish import publish
from lego.compile import compile_workload
from lego.diag import LegoError
from lego.ir.sram import MODELS_FILE, SRAM_FILE
from lego.ppa import price
from sim.lint import lint
from sim.simulate import simulate
from tests.cli.command import lego

ROOT = Path(__file__).resolve().parents[2]
GEMM = ROOT / "tests" / "workloads" / "gemm_os_sys.yaml"
MAP = ROOT / "workloads" / "srams" / "made_up.yaml"


def compiled(name: str, folder: Path, text: str | None = None) -> Path:
    text = text or (ROOT / "tests" / "workloads" / f"{name}.yaml").read_text()
    made = compile_workload(load_text(text), source=text.encode(), sram_map=load_sram_map(MAP))
    publish(folder / name, made)
    return folder / name


def test_the_commands_compile_and_simulate(tmp_path: Path) -> None:
    done = lego("compile", str(GEMM), "--sram-map", str(MAP), "-o", str(tmp_path), cache=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "gemm_os_sys"
    assert (folder / MODELS_FILE).read_bytes() == MAP.with_suffix(".v").read_bytes()
    done = lego("sim", str(folder), "--no-activity", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert lint(folder / "gemm_os_sys_mm.v") == []
    core, bench = ((folder / name).read_text() for name in ("gemm_os_sys_mm.core", "tb.sv"))
    assert MODELS_FILE in core
    assert f"{SRAM_FILE} {MODELS_FILE}" in bench


@pytest.mark.parametrize("name", ["gemm_ws_sys", "double_mixed", "conv_oh_ow_bro"])
def test_designs_are_bit_exact(name: str, tmp_path: Path) -> None:
    """The models spoil a word that is read while it is written: no design uses one."""
    for verdict in simulate(compiled(name, tmp_path)).verdicts:
        assert verdict.compared
        assert not verdict.failures


def test_memories_that_take_several_macros(tmp_path: Path) -> None:
    """Words that one macro doesn't hold, and words that are wider than any."""
    text = GEMM.read_text().replace("m: 10, n: 13, k: 7", "m: 60, n: 18, k: 70")
    folder = compiled("gemm_os_sys", tmp_path, text)
    (device,) = read_devices(folder)
    assert max(len(macro.bands) for macro in device.macros) > 1
    assert max(len(band.cells) for macro in device.macros for band in macro.bands) > 1
    assert not simulate(folder).verdicts[0].failures


def test_the_price_is_what_the_map_says(tmp_path: Path) -> None:
    folder = compiled("gemm_os_sys", tmp_path)
    simulate(folder, activity=True)
    (device,) = read_devices(folder)
    assert not any(macro.registers for macro in device.macros)
    cells = {cell.module: cell for cell in device.sram_cells}
    area = sum(
        macro.count * cells[name].area
        for macro in device.macros
        for band in macro.bands
        for name in band.cells
    )
    (design,) = price(folder)["designs"]
    assert design["area_1e-3um2"]["sram"] == area > 0
    assert design["register_bits"] == 0
    (x,) = (macro for macro in device.macros if macro.operand == "X")
    energy = sum(cells[name].energy for name in x.bands[0].cells)
    cycles, period = design["activity"]["cycles"], design["power_period_ps"]
    accesses = design["activity"]["sram_accesses"]["X"]
    assert design["power_uw"]["sram"]["X"] == round(1000 * energy * accesses / cycles / period)


def test_without_models_a_simulation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(MAP.read_text().replace("models: made_up.v\n", ""))
    done = lego(
        "compile",
        str(GEMM),
        "--sram-map",
        str(tmp_path / "map.yaml"),
        "-o",
        str(tmp_path),
        cache=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "gemm_os_sys" / MODELS_FILE).exists()
    done = lego("sim", str(tmp_path / "gemm_os_sys"), cache=tmp_path)
    assert done.returncode == 2
    assert re.search(r"error\[E135\].*MU2P_64X8.*\n  hint: add `models: ", done.stderr)


def test_a_macro_named_like_a_module_is_refused() -> None:
    found = load_sram_map(MAP)
    cells = (replace(found.cells[0], module="gemm_os_sys_mm_ARRAY"), *found.cells[1:])
    with pytest.raises(LegoError, match=r"E133.*'gemm_os_sys_mm_ARRAY' is named like a module"):
        compile_workload(
            load_text(GEMM.read_text()), source=b"", sram_map=replace(found, cells=cells)
        )
