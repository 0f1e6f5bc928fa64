"""`lego ppa` on the command line: clocks that are missed, required, and how a period is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lego import ppa
from lego.cli.price import price_folder
from lego.diag import LegoError
from lego.ppa.price import _met
from tests.cli.test_cli import GEMM, change, lego


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("priced")
    assert lego("compile", GEMM, "-o", out).returncode == 0
    assert lego("ppa", out / "gemm_os_sys", "--clock", "900ps").returncode == 0
    return out / "gemm_os_sys"


@pytest.fixture
def folder(priced: Path, tmp_path: Path) -> Path:
    return shutil.copytree(priced, tmp_path / "gemm_os_sys")


def report_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "ppa.json").read_text())
    return document


def test_without_a_clock_nothing_is_met_or_missed(priced: Path) -> None:
    (design,) = report_of(priced)["designs"]
    assert design["met"] is None
    assert design["power_period_ps"] == 900


@pytest.mark.parametrize(("asked", "met"), [(900, True), (899, False), (None, None)])
def test_a_clock_is_met_if_all_paths_are_short(asked: int | None, met: bool | None) -> None:
    assert _met(900, asked) is met


@pytest.mark.parametrize(("clock_ps", "met"), [(100, False), (100_000, True)])
def test_a_missed_clock_is_a_warning(folder: Path, clock_ps: int, met: bool) -> None:
    change(folder / "manifest.json", "clock_ps", clock_ps)
    done = lego("ppa", folder, "--json")
    assert done.returncode == 0
    (design,) = json.loads(done.stdout)["designs"]
    assert design["met"] is met
    late = (design["min_period_ps"] - 100) / 1000
    text = f"warning: the clock of 0.100 ns is missed: gemm_os_sys_mm by {late:.3f} ns\n  hint: "
    assert (text in done.stderr) is not met
    assert ("warning" in done.stderr) is not met


def test_a_required_clock_that_is_missed_is_an_error(folder: Path) -> None:
    change(folder / "manifest.json", "clock_ps", 100)
    done = lego("ppa", folder, "--require-clock")
    assert done.returncode == 2
    assert "MISSED by" in done.stdout  # the table is there all the same
    assert "error[E807]: the clock of 0.100 ns is missed: gemm_os_sys_mm by" in done.stderr
    assert "warning" not in done.stderr


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Prices that are the ones of the folder's ppa.json; the periods that were asked for."""
    asked: list[float | None] = []

    def price(folder: Path, *, clock_ns: float | None, **_: object) -> dict[str, Any]:
        asked.append(clock_ns)
        return report_of(folder)

    monkeypatch.setattr(ppa, "price", price)
    return asked


def test_a_required_clock_must_have_been_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake(folder, monkeypatch)
    with pytest.raises(LegoError, match="without a clock") as caught:
        price_folder(folder, None, False, None, True, False)
    assert caught.value.code == "E808"
    assert asked == []  # told before the long work
    change(folder / "manifest.json", "clock_ps", 100_000)
    price_folder(folder, None, False, None, True, False)
    assert asked == [None]  # the report is an older one, of no clock


@pytest.mark.parametrize(
    ("text", "period"),
    [("2.5", 2.5), ("1GHz", 1.0), ("1.1ns", 1.1), ("900ps", 0.9), ("800 MHz", 1.25), ("3", 3.0)],
)
def test_clocks(folder: Path, text: str, period: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fake(folder, monkeypatch)
    price_folder(folder, None, False, text, False, True)
    assert asked == [period]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "E904"), ("fast", "E904"), ("1THz", "E904"), ("9ps", "E904"), ("0", "E806"), ("nan", "E806")],
)  # fmt: skip
def test_what_is_no_clock(
    folder: Path, text: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = fake(folder, monkeypatch)
    with pytest.raises(LegoError) as caught:
        price_folder(folder, None, False, text, False, False)
    assert caught.value.code == code
    assert asked == []
