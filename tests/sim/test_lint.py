"""Artefacts give no lint message as they stand, with the waivers that are in them, and the lint can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.back.pipeline import DEFAULT, Options
from lego.compile import compile_workload
from lego.ir.sram import SRAM_FILE
from sim.lint import lint
from tests.designs import shipped

ROOT = Path(__file__).resolve().parents[2]
SMALL = sorted((ROOT / "tests" / "workloads").glob("*.yaml"))
VARIANTS = {"O0": Options(level=0), "O1": Options(level=1), "1GHz": Options(clock_ps=1000)}
SOME = (
    ("double_mixed", "O0"),
    ("wide_ws", "O1"),
    ("polynomial_small", "1GHz"),
    ("wide_ws", "1GHz"),
)


def designs_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.v") if path.name != SRAM_FILE)


def messages(path: Path, folder: Path, options: Options = DEFAULT) -> list[str]:
    text = path.read_text()
    files = compile_workload(load_text(text), source=text.encode(), options=options)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    designs = designs_in(folder)
    assert designs
    return [line for design in designs for line in lint(design)]


@pytest.mark.parametrize("path", [*SMALL, ROOT / "workloads" / "gemm.yaml"], ids=lambda p: p.stem)
def test_no_message(path: Path, tmp_path: Path) -> None:
    assert messages(path, tmp_path) == []


LOOPS = "loops: {i: 4, j: 3}"
UNREAD = {
    "lowest bit": (LOOPS, "Y[i] += A[i,j] << 4", "A: int8, Y: uint1"),
    "never more": (LOOPS, "Y[i,j] = min(A[i,j], 0)", "A: uint8, Y: uint8"),
    "shifted out": (LOOPS, "Y[i] += A[i,j] + (B[j] >> 10)", "A: int8, B: uint8, Y: int32"),
    "never less": (LOOPS, "Y[i] += max(A[i,j], 300)", "A: int8, Y: int32"),
}
FLOWS = "dataflows: [{name: a, spatial: {i: 4}}, {name: b, spatial: {i: 2}}]"


@pytest.mark.parametrize("name", UNREAD)
def test_no_message_where_a_value_depends_on_no_operand(name: str, tmp_path: Path) -> None:
    loops, statement, formats = UNREAD[name]
    text = (
        f"name: unread\noperations:\n  - name: op\n    {loops}\n    statement: '{statement}'\n"
        f"    formats: {{{formats}}}\narchitecture: {{array: [2, 2]}}\n"
    )
    (tmp_path / "unread.yaml").write_text(text)
    assert messages(tmp_path / "unread.yaml", tmp_path) == []


def test_no_message_where_a_bank_is_never_read(tmp_path: Path) -> None:
    text = (
        "name: open_banks\noperations:\n  - name: op\n    loops: {i: 4}\n"
        "    statement: 'Y[i] = B[0] * B[2*i]'\n    formats: {B: int8, Y: int32}\n"
        f"    {FLOWS}\narchitecture: {{double_buffer: yes}}\n"
    )
    (tmp_path / "banks.yaml").write_text(text)
    assert messages(tmp_path / "banks.yaml", tmp_path) == []


@pytest.mark.parametrize(("name", "variant"), SOME)
def test_no_message_with_other_options(name: str, variant: str, tmp_path: Path) -> None:
    path = ROOT / "tests" / "workloads" / f"{name}.yaml"
    assert messages(path, tmp_path, VARIANTS[variant]) == []


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", SMALL, ids=lambda p: p.stem)
def test_no_message_with_any_options(path: Path, variant: str, tmp_path: Path) -> None:
    assert messages(path, tmp_path, VARIANTS[variant]) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", shipped(), ids=lambda p: p.stem)
def test_no_message_for_what_is_shipped(path: Path, tmp_path: Path) -> None:
    assert messages(path, tmp_path) == []


def test_lint_sees_a_latch_and_an_unused_signal(tmp_path: Path) -> None:
    (tmp_path / "bad.v").write_text(
        "module bad(input a, input b, output reg y);\n"
        "  wire never;\n  assign never = a;\n"
        "  always @* if (b) y = a;\nendmodule\n"
    )
    found = "\n".join(lint(tmp_path / "bad.v"))
    assert "LATCH" in found
    assert "UNUSEDSIGNAL" in found


def test_the_waivers_cover_neither_widths_nor_signals_that_nothing_reads(tmp_path: Path) -> None:
    assert messages(ROOT / "tests" / "workloads" / "short_tensor.yaml", tmp_path) == []
    (design,) = designs_in(tmp_path)
    before, end, after = design.read_text().rpartition("endmodule")  # of the top, which has a clock
    added = "  wire [3:0] narrow = clk;\n  wire unread = clk & narrow[0];\n"
    design.write_text(f"{before}{added}{end}{after}")
    found = "\n".join(lint(design))
    assert "WIDTHEXPAND" in found
    assert "Signal is not used: 'unread'" in found
