"""lego program --then: runs behind each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.artefact.publish import publish
from lego.cli.program import print_program, print_queued
from lego.compile import compile_workload
from lego.diag import LegoError
from lego.ir.device import devices_from_json
from tests.back.designs import SEVERAL
from tests.sequences import queued

TEXT = queued(SEVERAL, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("queued") / "several"
    publish(found, compile_workload(load_text(TEXT), source=TEXT.encode()))
    return found


def test_what_the_host_writes_for_runs_behind_each_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run under another dataflow starts when the tail of the one before has ended."""
    print_queued(folder, "mm.os", ["m=5"], ["m=3", "mm.ws:", "pool:kh=1"], more=False)
    found = json.loads(capsys.readouterr().out)
    (device,) = devices_from_json((folder / "device.json").read_bytes())
    assert device.queue is not None
    full, less, other, pool = found["runs"]
    assert [run["bounds"] for run in found["runs"]] == [
        {"m": 5, "n": 4, "k": 6}, {"m": 3, "n": 4, "k": 6}, {"m": 5, "n": 4, "k": 6},
        {"c": 3, "oh": 3, "kh": 1},
    ]  # fmt: skip
    assert found["writes"][0] == full["registers"]
    assert found["writes"][1] == {"trip0": 1, "bound0": 3}
    assert found["writes"][2]["dataflow"] == 1
    issues = [
        run["cycles"] - device.queue.start - device.dataflows[run["dataflow"]].tail
        for run in (full, less, other, pool)
    ]
    tails = [flow.tail for flow in device.dataflows]
    waits = 2 * (max(tails) + device.queue.change)
    assert found["cycles"] == device.queue.start + sum(issues) + waits + tails[2]


def test_loops_of_another_operation_are_refused(folder: Path) -> None:
    with pytest.raises(LegoError, match="no loop 'm'") as caught:
        print_queued(folder, "mm.os", [], ["pool:m=3"], more=False)
    assert caught.value.code == "E202"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two halves of results, two parts of operands."""
    text = SEVERAL.replace("architecture: {", "architecture: {double_buffer: parts, ")
    found = tmp_path_factory.mktemp("parts") / "several"
    publish(found, compile_workload(load_text(text), source=text.encode()))
    return found


def test_a_run_in_part_1(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (device,) = devices_from_json((parts / "device.json").read_bytes())
    for part in (0, 1):
        print_program(parts, "mm.os", ["m=2"], ["X=1"], part, resume=False)
        found = json.loads(capsys.readouterr().out)
        bases = {name: layout["base"] for name, layout in found["layouts"].items()}
        in0, w, out = (memory.middle for memory in device.memories)
        assert out == 0 < min(in0, w)
        assert bases == {"X": 1 + part * in0, "W": part * w, "Y": 0}
        assert found["half"] == found["registers"]["half"] == part
        names = [layout["memory"] for layout in found["layouts"].values()]
        for name, base in zip(names[:-1], bases.values(), strict=False):
            assert found["registers"][f"{name}_base"] == base


def test_a_part_that_is_not_there(folder: Path, parts: Path) -> None:
    with pytest.raises(LegoError, match=r"E203\]: several has no part 1"):
        print_program(folder, "mm.os", [], [], 1, resume=False)
    for part in (2, -1):
        with pytest.raises(LegoError, match=rf"E203\]: several has no part {part}") as caught:
            print_program(parts, "mm.os", [], [], part, resume=False)
        assert caught.value.hint == "parts are 0 and 1"


@pytest.mark.parametrize("text", ["m=3,,k=2", ",", "mm.ws:,", "m=3,"])
def test_empty_items_of_runs_are_refused(folder: Path, text: str) -> None:
    with pytest.raises(LegoError, match=r"E904\]: '' is not NAME=NUMBER"):
        print_queued(folder, "mm.os", [], [text], more=False)
