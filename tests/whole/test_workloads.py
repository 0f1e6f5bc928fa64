"""Every small workload: RTL equals the reference in every bit, in the predicted cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontends.yaml import load_workload
from tests.designs import cases_of, random_bounds, shipped, verdicts_of

ROOT = Path(__file__).resolve().parents[2]
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))
SHIPPED = shipped()
GROUPS = [SMALL[k::3] for k in range(3)]


def smaller_bounds(path: Path) -> list[dict[str, int]]:
    """Two run-time sizes below the maxima: about half, and all ones but the last loop."""
    loops = load_workload(path).operations[0].loops
    half = {loop.name: max(1, loop.extent // 2) for loop in loops}
    thin = {loop.name: 1 for loop in loops[:-1]}
    return [half, thin]


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_small_workloads_are_bit_exact(group: int) -> None:
    cases = [
        case
        for path in GROUPS[group]
        for case in cases_of(path.read_text(), 1, smaller_bounds(path), stray_reset=True)
    ]
    verdicts = verdicts_of(cases, seed=group)
    assert [v.top for v in verdicts if v.failures] == [], verdicts
    flows = [len(case.stream.device.dataflows) for case in cases]
    assert [len(v.cycles) for v in verdicts] == [3 * n for n in flows]
    assert all(v.compared > 0 for v in verdicts)


def test_each_dataflow_of_gemm_and_convolution_is_there() -> None:
    names = {path.stem for path in SMALL}
    for flow in ("gemm_os", "gemm_ws", "gemm_is", "conv_oc_ow", "conv_ic_oc", "conv_oh_ow"):
        assert {f"{flow}_sys", f"{flow}_bro"} <= names


def test_ragged_gemm_on_16x16() -> None:
    """The shipped ragged product, at 16x16, including its exact cycle count."""
    path = ROOT / "workloads" / "gemm_ragged.yaml"
    (verdict,) = verdicts_of(cases_of(path.read_text()))
    assert verdict.failures == ()
    assert verdict.compared == 50 * 37


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_workloads_are_bit_exact(path: Path) -> None:
    """At full and at two ragged sizes; all dataflows of a design in random order in one model."""
    text = path.read_text()
    cases = cases_of(text, 1, random_bounds(text, 2, 3))
    for case, verdict in zip(cases, verdicts_of(cases), strict=True):
        assert verdict.failures == ()
        assert len(verdict.cycles) == 3 * len(case.stream.device.dataflows)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_workloads_are_legal(path: Path) -> None:
    assert load_workload(path).name == path.stem
