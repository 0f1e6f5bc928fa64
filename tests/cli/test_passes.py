"""What the command line says about passes: --passes, -O, --max-fanout, --verify, --stats, and the help."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lego.back.pipeline import DEFAULT, PASSES
from lego.back.schedule.stages import Stages
from lego.cli.passes import PassOptions, options_of
from lego.diag import LegoError
from tests.cli.test_cli import GEMM, lego

NOTHING: dict[str, Any] = {
    "level": None, "passes": None, "max_fanout": None, "verify": False,
    "dump_after": None, "clock": None, "stats": False,
}  # fmt: skip


def given(**said: Any) -> PassOptions:
    return PassOptions(**(NOTHING | said))


def test_what_is_not_said_is_the_default() -> None:
    assert options_of(given()) == DEFAULT
    assert options_of(given(level=0)).level == 0
    assert options_of(given(clock="1GHz")).clock_ps == 1000


def test_none_is_no_pass() -> None:
    assert options_of(given(passes="none")).passes == ()
    assert options_of(given(passes=" widths, delays ")).passes == ("widths", "delays")


@pytest.mark.parametrize(
    ("passes", "message", "hint"),
    [
        ("", "leaves a name out", "none for no pass at all"),
        (" ", "leaves a name out", "none for no pass at all"),
        ("widths,,delays", "leaves a name out", "some of reductions, pins"),
        ("widths,widths", "names widths twice", "name every pass once"),
        ("none,widths", "has none and other names", "none for no pass at all"),
        ("width", "no pass 'width'", "did you mean widths? passes are reductions"),
        ("DELAYS", "no pass 'DELAYS'", "did you mean delays?"),
        ("carries", "no pass 'carries'", "carries is a stage that --clock puts in"),
        ("fold", "no pass 'fold'", "some of reductions, pins"),
    ],
)
def test_names_that_cannot_be(passes: str, message: str, hint: str) -> None:
    with pytest.raises(LegoError) as caught:
        options_of(given(passes=passes))
    assert caught.value.code == "E904"
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_passes_and_a_level_exclude_each_other() -> None:
    with pytest.raises(LegoError, match="E904"):
        options_of(given(passes="widths", level=2))


def test_another_order_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    options_of(given(passes="widths,delays"))
    assert capsys.readouterr().err == ""
    options_of(given(passes="delays,widths"))
    assert capsys.readouterr().err == "note: passes run in an order of their own: widths, delays\n"


@pytest.mark.parametrize(
    ("said", "warned"),
    [
        ({"max_fanout": 8}, False),
        ({"passes": "broadcast", "max_fanout": 8}, False),
        ({"level": 1}, False),
        ({"level": 1, "max_fanout": 16}, True),
        ({"passes": "widths", "max_fanout": 8}, True),
    ],
)
def test_a_fanout_for_nothing_is_told(
    said: dict[str, Any], warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options_of(given(**said))
    error = capsys.readouterr().err
    assert error.startswith("warning: --max-fanout changes nothing") == warned
    assert ("  hint: " in error) == warned


def test_the_help_lists_passes_and_stages() -> None:
    text = lego("compile", "--help").stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for each in PASSES:
        assert f"{each.name} -O{each.level} {each.about}" in lines
    for stage in asdict(Stages()):
        (line,) = [line for line in lines if line.startswith(f"{stage} ")]
        assert len(line.split()) > 2  # says what it is
    for option in ("--clock 1GHz", "--passes widths,delays", "--dump-after", "--stats", "--verify"):
        assert any(line.startswith("Example: ") and option in line for line in lines)


def test_what_was_verified_is_told(tmp_path: Path) -> None:
    done = lego("compile", GEMM, "-o", tmp_path, "--passes", "widths", "--verify")
    assert "verified gemm_os_sys_mm: widths, no delays (" in done.stdout
    done = lego("compile", GEMM, "-o", tmp_path, "--passes", "widths", "--verify", "--json")
    assert json.loads(done.stdout)["verified"] == {"gemm_os_sys_mm": ["widths", "no delays"]}
    done = lego("compile", GEMM, "-o", tmp_path, "--json")
    assert "verified" not in json.loads(done.stdout)


def test_statistics_say_what_changes_are_against(tmp_path: Path) -> None:
    for passes, about in (("widths,delays", "Before delays, paths don't"), ("none", "no delays: ")):
        done = lego("compile", GEMM, "-o", tmp_path, "--passes", passes, "--stats")
        assert f"(±): change against the row above. {about}" in done.stdout
        cells = [
            [cell.strip() for cell in line.split("│")[1:-1]]
            for line in done.stdout.splitlines()
            if line.startswith("│ gemm_os_sys_mm")
        ]
        first, *rest = cells
        assert first[1] == "as lowered"
        assert "(" not in "".join(first)
        before = [number(cell) for cell in first[2:6]]
        for row in rest:
            now = [number(cell) for cell in row[2:6]]
            said = [cell.partition(" (")[2].rstrip(")").replace(",", "") for cell in row[2:6]]
            assert [0 if s == "=" else int(s) for s in said] == [
                n - b for n, b in zip(now, before, strict=True)
            ]
            before = now


def number(cell: str) -> int:
    return int(cell.partition(" ")[0].replace(",", ""))


@pytest.mark.parametrize(
    "args",
    [
        ("compile", GEMM, "-o", ""),
        ("compile", GEMM, "-o", " "),
        ("draw", GEMM, "-o", ""),
        ("trace", "resnet50", "--extract", "fc", "-o", ""),
    ],
)
def test_an_empty_output_is_refused(args: tuple[object, ...], tmp_path: Path) -> None:
    done = lego(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert (
        "error[E904]: -o names nothing\n  hint: for the current folder, write -o ." in done.stderr
    )
    assert list(tmp_path.iterdir()) == []
