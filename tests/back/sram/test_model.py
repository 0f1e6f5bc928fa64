"""FPGA tools make RAM of the model, and no array of flip-flops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lego.back.rtl.verilog import sram_verilog
from lego.back.sram.model import sram_model
from lego.ir.dag import Dag
from sim.yosys import run_passes, silence


def cells(words: int, bits: int, command: str, folder: Path, lanes: int = 1) -> dict[str, int]:
    """What an FPGA's synthesis makes of a shape: how many cells of each kind."""
    (folder / "sram.v").write_text(sram_verilog(Dag((sram_model("sram", words, bits, lanes),))))
    with silence():
        run_passes(
            f"read_verilog {folder}/sram.v",
            f"{command} -top sram",
            f"tee -q -o {folder}/stat.json stat -json",
        )
    found: dict[str, int] = json.loads((folder / "stat.json").read_text())["design"][
        "num_cells_by_type"
    ]
    return found


def flip_flops(found: dict[str, int]) -> int:
    return sum(n for kind, n in found.items() if kind.startswith(("FD", "TRELLIS_FF", "SB_DFF")))


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("synth_ecp5", {"DP16KD"}),
        ("synth_xilinx -family xc7", {"RAMB36E1", "RAMB18E1"}),
    ],
)
def test_a_large_one_is_a_block_ram(command: str, kinds: set[str], tmp_path: Path) -> None:
    """The flip-flops of ECP5 hold one word and the addresses, as its RAM doesn't say what a word that is
    written meanwhile reads as."""
    found = cells(512, 32, command, tmp_path)
    assert sum(found.get(kind, 0) for kind in kinds) == 1
    assert flip_flops(found) <= 3 * 32


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("synth_ecp5", {"DP16KD"}),
        ("synth_xilinx -family xc7", {"RAMB36E1", "RAMB18E1"}),
    ],
)
def test_bytes_that_are_written_apart_are_enables_of_block_rams(
    command: str, kinds: set[str], tmp_path: Path
) -> None:
    """16 bytes in 512 words: no more block RAMs than for a word of 128 bits, and no logic that joins them."""
    found = cells(512, 128, command, tmp_path, 16)
    whole = cells(512, 128, command, tmp_path)
    rams = sum(found.get(kind, 0) for kind in kinds)
    assert rams == sum(whole.get(kind, 0) for kind in kinds) > 0
    assert flip_flops(found) <= flip_flops(whole) + 2 * 16


@pytest.mark.parametrize(
    ("command", "kind"),
    [("synth_ecp5", "TRELLIS_DPR16X4"), ("synth_xilinx -family xc7", "RAM32M")],
)
def test_a_small_one_is_distributed_ram(command: str, kind: str, tmp_path: Path) -> None:
    found = cells(16, 8, command, tmp_path)
    assert found[kind] == 2
    assert flip_flops(found) == 8  # the word that was read
