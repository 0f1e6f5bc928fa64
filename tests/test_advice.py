"""Legal but probably not meant: told, with what to do about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from frontends.yaml import load_workload
from lego.advice import Advice, advice_of
from lego.designs import designs_of

ROOT = Path(__file__).resolve().parents[1]
WORKLOAD = """\
name: w
operations:
  - name: mm
    loops: {{m: {0}, n: {0}, k: {0}}}
    statement: "Y[m,n] += X[m,k] * W[k,n]"
    formats: {{X: int8, W: int8, Y: int32}}
    dataflow{1}
{2}
"""


def advice(folder: Path, extent: int, flows: str, architecture: str = "") -> list[Advice]:
    file = folder / "w.yaml"
    file.write_text(WORKLOAD.format(extent, flows, architecture))
    workload = load_workload(file)
    return advice_of(designs_of(workload), workload.architecture)


def test_fus_that_never_work(tmp_path: Path) -> None:
    (found,) = advice(tmp_path, 6, ": {spatial: {m: 8, n: 16}}")
    assert found.text == (
        "92 of the 128 FUs of w_mm never work (loop m of 6 on 8 FUs, loop n of 6 on 16 FUs)"
    )
    assert found.hint.endswith("as in spatial: {m: 6, n: 6}")


@pytest.mark.parametrize("size", [2, 4, 5, 6])
def test_fus_that_work_at_times(tmp_path: Path, size: int) -> None:
    """A size that the array doesn't divide is nothing to tell of."""
    assert advice(tmp_path, 6, f": {{spatial: {{m: {size}, n: {size}}}}}") == []


def test_fus_that_another_dataflow_needs(tmp_path: Path) -> None:
    flows = "s: [{name: a, spatial: {m: 8, n: 2}}, {name: b, spatial: {k: 6, n: 2}}]"
    (found,) = advice(tmp_path, 6, flows)
    assert found.text == "4 of the 16 FUs of w never work (loop m of 6 on 8 FUs)"


def test_memories_that_nobody_builds(tmp_path: Path) -> None:
    (found,) = advice(tmp_path, 4096, ": {spatial: {m: 2, n: 2}}")
    assert found.text == (
        "the memories of w_mm hold 96.0 MiB (X 16.0, W 16.0, Y 64.0), as every tensor is kept whole"
    )


def test_memories_that_were_asked_for(tmp_path: Path) -> None:
    limits = "architecture: {memories: {X: 16777216, W: 16777216, Y: 67108864}}"
    assert advice(tmp_path, 4096, ": {spatial: {m: 2, n: 2}}", limits) == []


def test_shipped_workloads_are_as_one_would_expect() -> None:
    for file in sorted((ROOT / "tests" / "workloads").glob("gemm*.yaml")):
        workload = load_workload(file)
        assert advice_of(designs_of(workload), workload.architecture) == []


def test_commands_tell(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(WORKLOAD.format(2, ": {spatial: {m: 3, n: 2}}", ""))
    for verb in (["check", str(file)], ["compile", str(file), "-o", str(tmp_path)]):
        command = [sys.executable, "-m", "lego.cli.main", *verb]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0
        assert "warning: 2 of the 6 FUs of w_mm never work (loop m of 2 on 3 FUs)" in done.stderr
        assert "hint: map no loop on more FUs than it has iterations" in done.stderr
    assert "Warning: 2 of the 6 FUs" in (tmp_path / "w" / "report.md").read_text()
