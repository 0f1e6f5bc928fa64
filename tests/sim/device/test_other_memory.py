"""Both masters before a memory on the bus that somebody else wrote."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lego.back.rtl.verilog import to_verilog
from lego.tools import run
from sim.device.build import build_bench
from sim.runner import cocotb_environment
from tests.sim.device.copier import copier
from tests.sim.device.test_dram import copied, copies_of, image

PUBLIC = '`verilator_config\npublic_flat_rw -module "copier" -var "*"\n'


@pytest.mark.parametrize("percent", [0, 40])
def test_copies(percent: int, tmp_path: Path) -> None:
    """With and without pauses of all channels; the checker's assertions are on."""
    copies, before = copies_of(random.Random(percent), 12, most=80), image(percent)
    (tmp_path / "copies.txt").write_text("".join(f"{copy.line}\n" for copy in copies))
    (tmp_path / "before.bin").write_bytes(before)
    (tmp_path / "pauses.txt").write_text(f"7 {percent}")
    sources = {"public.vlt": PUBLIC, "copier.v": to_verilog(copier(16, 16))}
    program = build_bench(sources, "copier", cocotb=True)
    environment = cocotb_environment(tmp_path, "tests.sim.device.with_axi_ram", "copier")
    done = run([str(program)], cwd=tmp_path, timeout_s=300, check=False, env=environment)
    results = (tmp_path / "results.xml").read_text()
    assert "<failure" not in results, done.stdout
    assert results.count("<testcase ") == 1
    assert (tmp_path / "after.bin").read_bytes() == copied(before, copies)
