"""SRAM accesses that the plan predicts equal those of the simulated RTL, per operand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.flow import compile_workload
from lego.publish import publish
from sim.simulate import simulate

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"


@pytest.mark.parametrize(
    "name", ["gemm_ws_sys", "conv_oh_ow_bro", "conv_ic_oc_sys", "polynomial_chain_small"]
)
def test_counts_are_those_of_the_rtl(name: str, tmp_path: Path) -> None:
    text = (ROOT / f"{name}.yaml").read_text()
    files = compile_workload(load_text(text), source=text.encode())
    publish(tmp_path / "out", files)
    simulate(tmp_path / "out", activity=True)
    recorded = json.loads((tmp_path / "out" / "activity.json").read_text())["designs"]
    for entry in json.loads(files["manifest.json"])["designs"]:
        assert recorded[entry["top"]]["sram_accesses"] == entry["program"]["accesses"]
        assert recorded[entry["top"]]["cycles"] == entry["program"]["cycles"]
