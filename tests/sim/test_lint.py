"""The generated RTL gives no lint message outside the waivers, and the lint can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.flow import compile_workload
from sim.lint import lint

ROOT = Path(__file__).resolve().parents[2]
PATHS = [*sorted((ROOT / "tests" / "workloads").glob("*.yaml")), ROOT / "workloads" / "gemm.yaml"]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_no_message(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    for name, data in compile_workload(load_text(text), source=text.encode()).items():
        if name.endswith(".v"):
            (tmp_path / name).write_bytes(data)
            assert lint(tmp_path / name) == []


def test_lint_sees_a_latch_and_an_unused_signal(tmp_path: Path) -> None:
    (tmp_path / "bad.v").write_text(
        "module bad(input a, input b, output reg y);\n"
        "  wire never;\n  assign never = a;\n"
        "  always @* if (b) y = a;\nendmodule\n"
    )
    messages = "\n".join(lint(tmp_path / "bad.v"))
    assert "LATCH" in messages
    assert "UNUSEDSIGNAL" in messages
