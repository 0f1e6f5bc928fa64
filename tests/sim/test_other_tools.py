"""Artefacts in tools of others: Icarus Verilog and FuseSoC run them, where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from frontends.yaml import load_text
from lego.compile import compile_workload
from lego.designs import designs_of
from lego.ir.device import devices_from_json
from lego.ir.sram import SRAM_FILE
from sim import testbench as bench
from sim.model import verilator_home
from sim.session import Job, default_stream

ROOT = Path(__file__).resolve().parents[2]
DESIGNS = (
    "short_tensor",
    "fused_gemm_sys",
    "fifo_fused",
    "double_ws",
    "wide_ws",
    pytest.param("fused_one_node", marks=pytest.mark.slow),
    pytest.param("wide_mixed", marks=pytest.mark.slow),
)
icarus = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="Icarus isn't installed (apt-get install iverilog)"
)
fusesoc = pytest.mark.skipif(
    shutil.which("fusesoc") is None, reason="FuseSoC isn't installed (pip install fusesoc)"
)


@cache
def files_of(name: str) -> dict[str, bytes]:
    """What `lego compile` and `lego sim --stimuli` write, without a simulation."""
    text = (ROOT / "tests" / "workloads" / f"{name}.yaml").read_text()
    workload = load_text(text)
    files = compile_workload(workload, source=text.encode(), testbench=bench.testbench)
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    rng = np.random.default_rng(0)
    streams = []
    devices = devices_from_json(files["device.json"])
    for device, fused in zip(devices, designs_of(workload), strict=True):
        flows = zip(fused.layers, device.dataflows, strict=True)
        jobs = [Job(workload.operation(layer.adg.op.name), flow.program) for layer, flow in flows]
        streams.append(default_stream(device, jobs, tensors, rng))
    return files | bench.stimuli(streams)


def artefact(name: str, folder: Path) -> Path:
    for file, data in files_of(name).items():
        (folder / file).write_bytes(data)
    return folder


def design_in(folder: Path) -> Path:
    (design,) = (path for path in folder.glob("*.v") if path.name != SRAM_FILE)
    return design


def played(folder: Path) -> bool:
    """Do what the head of tb.sv says for Icarus; whether all answers are right."""
    text = (folder / "tb.sv").read_text()
    (build,) = re.findall(r"^//   \$ (iverilog .*)$", text, re.MULTILINE)
    (play,) = re.findall(r"^//   \$ (vvp .*) && cmp", text, re.MULTILINE)
    for command in (build, play):
        done = subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        assert done.stderr == b""
    designs = list(folder.glob("*.golden"))
    assert designs
    return all(path.read_bytes() == path.with_suffix(".answers").read_bytes() for path in designs)


@icarus
@pytest.mark.parametrize("name", DESIGNS)
def test_icarus_plays_the_bench(name: str, tmp_path: Path) -> None:
    assert played(artefact(name, tmp_path))


@icarus
def test_icarus_sees_a_fault(tmp_path: Path) -> None:
    folder = artefact("short_tensor", tmp_path)
    design = design_in(folder)
    text, count = re.subn(r" == ", " != ", design.read_text(), count=1)
    assert count
    design.write_text(text)
    assert not played(folder)


@icarus
@pytest.mark.parametrize("name", DESIGNS)
def test_the_design_is_verilog_2005(name: str, tmp_path: Path) -> None:
    design = design_in(artefact(name, tmp_path))
    files = [str(path) for path in (design, tmp_path / SRAM_FILE)]
    command = ["iverilog", "-g2005", "-Wall", "-s", design.stem, "-o", os.devnull, *files]
    done = subprocess.run(command, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def run_core(folder: Path, target: str, *more: str) -> subprocess.CompletedProcess[str]:
    """`fusesoc run` on the only core of the folder."""
    home = verilator_home()
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    (core,) = folder.glob("*.core")
    (folder / "fusesoc.conf").touch()
    common = ["fusesoc", "--config", "fusesoc.conf", "--cores-root", "."]
    return subprocess.run(
        [
            *common,
            "run",
            f"--target={target}",
            *more,
            core.stem,
            *(["--folder", str(folder)] * (target == "sim")),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"VERILATOR_ROOT": str(home), "PATH": path},
    )


@fusesoc
@icarus
@pytest.mark.parametrize("name", DESIGNS)
def test_fusesoc_plays_the_bench_and_lints(name: str, tmp_path: Path) -> None:
    folder = artefact(name, tmp_path)
    done = run_core(folder, "sim", "--tool=icarus")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "0.answers").read_bytes() == (folder / "0.golden").read_bytes()
    done = run_core(folder, "lint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "%Warning" not in done.stdout + done.stderr


@fusesoc
def test_fusesoc_sees_what_lint_finds(tmp_path: Path) -> None:
    folder = artefact("short_tensor", tmp_path)
    design = design_in(folder)
    text = design.read_text().replace("endmodule", "  wire [3:0] narrow = clk;\nendmodule", 1)
    design.write_text(text)
    done = run_core(folder, "lint")
    assert done.returncode
    assert "WIDTHEXPAND" in done.stdout + done.stderr


@fusesoc
@pytest.mark.slow
def test_fusesoc_plays_the_bench_in_verilator(tmp_path: Path) -> None:
    folder = artefact("short_tensor", tmp_path)
    done = run_core(folder, "sim", "--tool=verilator")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "0.answers").read_bytes() == (folder / "0.golden").read_bytes()
