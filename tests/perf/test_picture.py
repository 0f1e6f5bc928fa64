"""Pictures of engines over time."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from lego.cli.device import refuse_timeline
from lego.diag import LegoError
from lego.ir.commands import SEMAPHORES, Engine
from lego.perf.picture import (
    busy_cycles,
    semaphore_name,
    timeline_html,
    timeline_of,
    timeline_svg,
    waits_of,
)
from lego.perf.result import Cause, EngineRun, Limit, Played

LOADS = (
    EngineRun(100, 200, Cause.COMMANDS, waited=30),
    EngineRun(150, 260, Cause.ENGINE, waited=7),
    EngineRun(400, 500, Cause.SEMAPHORE, 1, 140),
    EngineRun(900, 950, Cause.SEMAPHORE, 1, 60),
)
SUMS = (EngineRun(260, 390, Cause.SEMAPHORE, 0, 55),)
RUNS = {Engine.ARRAY: SUMS, Engine.VECTOR: (), Engine.LOAD: LOADS, Engine.STORE: ()}
PLAYED = Played(1000, RUNS, Limit(130, 360, 0, 86))


def boxes(text: str) -> list[tuple[float, float, str]]:
    """Left edge, width and title of every rectangle that has one."""
    root = ElementTree.fromstring(text)  # noqa: S314
    name = "{http://www.w3.org/2000/svg}"
    found = []
    for each in root.iter(f"{name}rect"):
        title = each.find(f"{name}title")
        if title is not None:
            found.append((float(each.attrib["x"]), float(each.attrib["width"]), str(title.text)))
    return found


def test_runs_and_waits_are_as_long_as_they_take() -> None:
    found = boxes(timeline_svg(PLAYED, "net"))
    assert len(found) == 2 * (len(LOADS) + len(SUMS))
    (run,) = [each for each in found if each[2] == "load 2: 400 to 500"]
    assert run[:2] == (70 + 600, 150)
    (wait,) = [each for each in found if each[2].startswith("load 2: 400 to 500; ")]
    assert wait[:2] == (70 + 1.5 * 260, 210)
    assert wait[2].endswith("waits for operand 0 freed, 140 cycles")


def test_waits_are_summed_by_what_they_are_for() -> None:
    assert waits_of(LOADS) == {"commands": 30, "operand 0 freed": 200}
    assert waits_of(()) == {}
    assert busy_cycles(LOADS) == 160 + 100 + 50


def test_a_page_has_a_row_per_engine() -> None:
    page = timeline_html(PLAYED, "a<b")
    assert "a<b" not in page
    assert "<td>load<td>4<td>310<td>commands 30, operand 0 freed 200" in page
    assert page.count("<tr>") == 1 + len(Engine)
    assert "1,000 cycles, at least 446" in page


def test_the_name_says_which_picture() -> None:
    assert timeline_of(Path("a.svg")) is timeline_svg
    assert timeline_of(Path("a.html")) is timeline_html
    with pytest.raises(LegoError, match="E904"):
        timeline_of(Path("a.png"))


def test_a_folder_without_engines_has_no_picture() -> None:
    refuse_timeline(None, Path("gemm"))
    with pytest.raises(LegoError, match="gemm holds no program of a device"):
        refuse_timeline(Path("a.svg"), Path("gemm"))


def test_semaphores_have_names_of_their_own() -> None:
    names = [semaphore_name(k) for k in range(SEMAPHORES - 1)]
    assert len(set(names)) == len(names)
    assert (names[3], names[7]) == ("operand 1 freed", "sums free")
    assert semaphore_name(15) == "semaphore 15"
