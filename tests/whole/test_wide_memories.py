"""Shipped designs on 4x4 FUs with macros of several banks: RTL equals the reference in bits and cycles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.designs import designs_of
from tests.designs import cases_of, random_bounds, verdicts_of, with_style

ROOT = Path(__file__).resolve().parents[2] / "workloads"
NAMES = ["attention", "conv_mnicoc", "gemm", "gemm_multi", "mttkrp_gemm"]
SPATIAL, TEMPORAL = 7, 3
"""Longest loops, in elements: those that some dataflow lays out in space, and the others."""


def small(name: str) -> str:
    """The workload on 4x4 FUs with shorter loops."""
    text = (ROOT / f"{name}.yaml").read_text()
    flows = re.findall(r"spatial: {(.*?)}", text)
    spatial = {loop for flow in flows for loop in re.findall(r"\w+(?=:)", flow)}

    def shorter(found: re.Match[str]) -> str:
        loop, extent = found.groups()
        return f"{loop}: {min(int(extent), SPATIAL if loop in spatial else TEMPORAL)}"

    text = re.sub(r"loops: {.*?}", lambda m: re.sub(r"(\w+): (\d+)", shorter, m[0]), text)
    return re.sub(r"spatial: {.*?}", lambda m: m[0].replace("16", "4"), text).replace(
        "[16, 16]", "[4, 4]"
    )


@pytest.mark.parametrize("style", ["cheapest", "wide"])
@pytest.mark.parametrize("name", NAMES)
def test_every_bit_is_right(name: str, style: str) -> None:
    text = with_style(small(name), style)
    (fused,) = designs_of(load_text(text))
    assert fused.n_fus == 16
    wide = [memory.wide for memory in fused.buffers()[:-1]]
    assert max(wide) > 1 or style == "cheapest"
    (verdict,) = verdicts_of(cases_of(text, 1, random_bounds(text, 2, 3)))
    assert verdict.failures == ()
    assert verdict.compared > 0
