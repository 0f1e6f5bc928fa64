"""Golden text of the explanation of a small architecture."""

from __future__ import annotations

from pathlib import Path

from frontends.yaml import load_text, load_workload
from lego.explain import explain

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"

GEMM = """\
gemm_ws_sys_mm: spatial k:4 n:4, temporal n/4 k/4 m, control (1, 1)
  16 FUs, 80 timestamps (n:4 k:2 m:10)
  input X: int8 [10, 7]
    reuse found (FU shift ds, timestamps dt, delay in cycles):
      ds (0, -1) dt (1, 0, 0) delay 19: delay, n >= 1, 720 of 1280 uses; \
not used: served otherwise, or its registers take more energy than the reads
      ds (0, 0) dt (1, 0, 0) delay 20: stationary, n >= 1, 960 of 1280 uses; \
not used: served otherwise, or its registers take more energy than the reads
      ds (0, 1) dt (0, 0, 0) delay 1: delay, every timestamp, 960 of 1280 uses; chosen
    12 links by (0, 1), delay 1
    4 data nodes
    cost: 96 link register bits, 4 memory ports
    4 banks of 20 words, 4 side by side in a macro, each node keeps its bank, \
proved free of conflicts; 80 words of 4 elements accessed
  input W: int8 [7, 13]
    reuse found (FU shift ds, timestamps dt, delay in cycles):
      ds (0, 0) dt (0, 0, 1) delay 1: stationary, m >= 1, 1152 of 1280 uses; chosen: held in a register
    16 data nodes, read once per trip of the 1 innermost counters
    cost: 0 link register bits, 16 memory ports
    4 banks of 28 words, 16 nodes take turns at them, proved free of conflicts; 128 words accessed
  output Y: int32 [10, 13]
    sums travel along chains of 4 FUs
    accumulated in memory over k
    4 data nodes
    4 banks of 40 words, each node keeps its bank, proved free of conflicts; 520 words accessed
  banks of W: cheapest: 3,268 um2 modelled with what chooses among them; without turns 16 banks, 8,083 um2
  banks of Y: cheapest: 8,047 um2 modelled with what chooses among them, nodes taking turns or not
  memory X: in one macro with words of 4 elements: 2,227 um2 \
modelled with what their use takes; with a macro per bank 2,870 um2
  closed forms in the bounds m, n, k, without pipeline registers:
    cycles: m + (m + Max(0, -m + 4))*(ceiling(k/4) - 1) + (m + Max(0, -m + 4))*(ceiling(n/4) - \
1)*ceiling(k/4) + 10
    words accessed of X: m*ceiling(k/4)*ceiling(n/4)
    words accessed of W: 16*ceiling(k/4)*ceiling(n/4)
    words accessed of Y: 2*m*n*ceiling(k/4)"""


def test_a_weight_stationary_product() -> None:
    assert explain(load_workload(ROOT / "gemm_ws_sys.yaml")) == GEMM


def test_delay_reuse_and_trees_are_named() -> None:
    text = explain(load_workload(ROOT / "conv_oh_ow_bro.yaml"))
    assert "chosen for data nodes" in text
    assert "12 of them: by (0, -1), timestamps (0, 0, 0, 0, 0, 1) back, delay 1; elsewhere" in text
    assert "3 of them: by (-1, 0), timestamps (0, 0, 0, 0, 1, 0) back, programmable delay" in text
    assert "trees of up to 4" in explain(load_workload(ROOT / "conv_ic_oc_bro.yaml"))


CAUSAL = """\
causal_small_scores_ij: spatial i:4 j:4, temporal i/4 j/4 d, control (1, 1)
  16 FUs, 45 timestamps (i:3 j:3 d:5)
  domain: 225 of the box's 405 iterations; 44.4% are masked, and take their time
    j < i + 1: 7 comparators, one per distinct constant of 16 FUs
  input Q: int8 [9, 5]
"""


def test_the_share_of_a_triangle_that_is_masked() -> None:
    assert CAUSAL in explain(load_workload(ROOT / "causal_small.yaml"))


def test_closed_forms_are_those_of_every_dataflow() -> None:
    text = explain(load_workload(ROOT / "fused_mixed.yaml"), registers=True)
    assert text.count("  closed forms of ") == text.count("    cycles: ") == 7
    assert "    register dataflow: 6\n" in text
    assert "    register " not in explain(load_workload(ROOT / "fused_mixed.yaml"))


def test_sums_over_several_runs_are_named() -> None:
    text = (
        (ROOT / "gemm_os_sys.yaml")
        .read_text()
        .replace("architecture: {", "architecture: {resume: yes, ")
    )
    said = explain(load_text(text))
    assert "    accumulated in memory over several runs" in said.splitlines()
    text = (
        (ROOT / "gemm_ws_sys.yaml")
        .read_text()
        .replace("architecture: {", "architecture: {resume: yes, ")
    )
    assert "accumulated in memory over k and over several runs" in explain(load_text(text))
