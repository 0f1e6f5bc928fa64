"""Options and folders of programs that are put onto a chip."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lego.cli.main import app
from tests.whole.test_onto import CHIP, text_of


def run(*args: object) -> tuple[int, str]:
    """Status and output of a command."""
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds chip.yaml and net.yaml, and in `out` what was made of them."""
    found = tmp_path_factory.mktemp("onto")
    (found / "chip.yaml").write_text(CHIP)
    (found / "net.yaml").write_text(text_of("pointwise"))
    assert run("compile", found / "chip.yaml", "-o", found / "out")[0] == 0
    onto = ["--onto", found / "out" / "chip"]
    assert run("compile", found / "net.yaml", "-o", found / "out", *onto)[0] == 0
    return found


@pytest.mark.parametrize(
    "given",
    [
        ["--passes", "nonsense"],
        ["--clock", "blue"],
        ["--sram-map", "none.yaml"],
        ["--dump-after", "nonsense"],
        ["--max-fanout", "-3"],
        ["--level", "7"],
        ["--fusion", "exact"],
        ["--memory-style", "wide"],
        ["--dump"],
        ["--verify"],
        ["--stats"],
    ],
    ids=lambda given: given[0],
)
def test_options_of_the_chip_are_refused(folder: Path, tmp_path: Path, given: list[str]) -> None:
    onto = ["--onto", folder / "out" / "chip"]
    status, output = run("compile", folder / "net.yaml", "-o", tmp_path, *onto, *given)
    assert status == 2
    assert f"error[E904]: {given[0]}: with --onto no Verilog is made" in output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "given",
    [["--waves"], ["--stimuli"], ["--bound", "m=2"], ["--design", "product"], ["--activity"]],
    ids=lambda given: given[0],
)
def test_programs_are_simulated_as_they_are(folder: Path, given: list[str]) -> None:
    status, output = run("sim", folder / "out" / "net", *given)
    assert status == 2
    assert re.search(rf"error\[E904\]: {given[0]}: .*net holds programs for a chip", output)


def test_a_bad_seed_is_refused(folder: Path) -> None:
    status, output = run("sim", folder / "out" / "net", "--no-activity", "--seed", "-1")
    assert status == 2 and "error[E904]: seed -1 is outside" in output


def test_programs_have_no_price(folder: Path) -> None:
    status, output = run("ppa", folder / "out" / "net")
    assert status == 2
    assert re.search(r"error\[E904\]: .*net holds programs for a chip, not a chip", output)
    assert "run `lego ppa` on the folder of the chip" in output


def test_the_chip_is_not_replaced(folder: Path) -> None:
    (folder / "same.yaml").write_text(text_of("gemv").replace("name: net", "name: chip"))
    chip = folder / "out" / "chip"
    before = {path.name: path.read_bytes() for path in chip.iterdir()}
    roundabout = folder / "out" / "net" / ".." / "chip"
    for named in (chip, roundabout):
        status, output = run("compile", folder / "same.yaml", "-o", folder / "out", "--onto", named)
        assert status == 2 and "error[E904]" in output and "is the chip's folder" in output
    assert {path.name: path.read_bytes() for path in chip.iterdir()} == before


def test_the_chip_of_a_folder_of_programs(folder: Path) -> None:
    """Its workload stays that of the chip."""
    (folder / "next.yaml").write_text(text_of("gemv").replace("name: net", "name: next"))
    net = folder / "out" / "net"
    assert run("compile", folder / "next.yaml", "-o", folder / "out", "--onto", net)[0] == 0
    made = folder / "out" / "next"
    assert (made / "chip.yaml").read_text() == CHIP
    assert (made / "workload.yaml").read_text() == (folder / "next.yaml").read_text()
    assert '"gemv"' in (made / "programs.json").read_text()
