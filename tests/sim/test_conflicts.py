"""The assertion against bank conflicts is in the RTL, and it sees a request that gets no bank."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.back.designs import WAITING
from tests.designs import cases_of, verdicts_of, with_style

ROOT = Path(__file__).resolve().parents[2] / "tests" / "workloads"


def without_enable(verilog: str, bank: str) -> str:
    """The Verilog with the enable of one bank tied low where it is made."""
    at = verilog.index(f" {bank} (", 0, verilog.index("endmodule"))
    start, end = verilog.rindex("\nmodule ", 0, at), verilog.index("endmodule", at)
    net = re.search(r"\.en\((\w+)\)", verilog[at:])
    assert net is not None
    body = re.sub(rf"\b{net[1]} (<?=) [^;]*;", rf"{net[1]} \1 1'h0;", verilog[start:end])
    assert body != verilog[start:end]
    return verilog[:start] + body + verilog[end:]


@pytest.mark.parametrize(
    ("name", "memory", "bank"),
    [("conv_oh_ow_sys", "X", "bank_9"), ("fused_gemm_sys", "X", "bank_1")],
)
def test_a_lost_request_trips_the_assertion(name: str, memory: str, bank: str) -> None:
    (case,) = cases_of((ROOT / f"{name}.yaml").read_text())
    at = case.verilog.index(f"\nmodule {case.stream.device.top}_memory_{memory}(")
    case.verilog = case.verilog[:at] + without_enable(case.verilog[at:], bank)
    (verdict,) = verdicts_of([case])
    assert verdict.failures[0] == f"bank conflict in the memory of {memory}"


def test_a_lost_word_of_results_trips_the_assertion() -> None:
    """One of a macro, which several results share."""
    (case,) = cases_of(with_style(WAITING, "wide"))
    at = case.verilog.index(f"\nmodule {case.stream.device.top}_memory_Y(")
    case.verilog = case.verilog[:at] + without_enable(case.verilog[at:], "bank_0")
    (verdict,) = verdicts_of([case])
    assert verdict.failures[0] == "bank conflict in the memory of Y"
