"""SRAM accesses that the plan predicts equal those of the simulated RTL, per operand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.flow import compile_workload
from lego.publish import publish
from sim.simulate import simulate

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"


@pytest.mark.parametrize(
    "name",
    [
        "gemm_ws_sys",
        "conv_oh_ow_bro",
        "conv_ic_oc_sys",
        "polynomial_chain_small",
        "fused_gemm_sys",
        "fused_mixed",
        "double_ws",
        "double_mixed",
        "fifo_conv",
        "fifo_fused",
    ],
)
def test_counts_are_those_of_the_rtl(name: str, tmp_path: Path) -> None:
    text = (ROOT / f"{name}.yaml").read_text()
    files = compile_workload(load_text(text), source=text.encode())
    publish(tmp_path / "out", files)
    simulate(tmp_path / "out", activity=True)
    recorded = json.loads((tmp_path / "out" / "activity.json").read_text())["designs"]
    for entry in json.loads(files["manifest.json"])["designs"]:
        programs = [flow["program"] for flow in entry["dataflows"]]
        words = Counter({memory["name"]: 0 for memory in entry["memories"]})
        for program in programs:
            for operand, count in program["accesses"].items():
                words[program["layouts"][operand]["memory"]] += count
        assert recorded[entry["top"]]["sram_accesses"] == words
        between = len(programs) - 1  # the cycle of each further start is recorded as well
        cycles = sum(p["cycles"] for p in programs) + between
        assert recorded[entry["top"]]["cycles"] == cycles
