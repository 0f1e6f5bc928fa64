"""Illegal requests are refused with the iteration that shows why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_text
from lego.designs import adgs_of, designs_of
from lego.diag import LegoError
from lego.front.architecture import build_adg
from lego.ir.array import narrowed
from lego.ir.dataflow import Dataflow, TemporalDim

ROOT = Path(__file__).resolve().parents[2] / "workloads"
GEMM = (ROOT / "gemm.yaml").read_text()


def refused(change: dict[str, object]) -> LegoError:
    """What is said to the shipped product's dataflow with a change."""
    workload = load_text(GEMM)
    (adg,) = adgs_of(workload)
    flow: Dataflow = replace(adg.dataflow, **change)  # type: ignore[arg-type]
    with pytest.raises(LegoError) as caught:
        build_adg("g", adg.op, narrowed(workload)[0], flow)
    assert caught.value.loc is not None
    assert caught.value.hint
    return caught.value


def counters(step: int) -> tuple[TemporalDim, ...]:
    return TemporalDim("m", 0, step), TemporalDim("n", 1, 16), TemporalDim("k", 2, 1)


def test_an_iteration_that_runs_twice() -> None:
    error = refused({"temporal": counters(8)})
    assert error.code == "E302"
    assert "iteration m=8, n=0, k=0 twice: at timestamp (0, 0, 0) in FU (8, 0)" in error.message
    assert "at timestamp (1, 0, 0) in FU (0, 0)" in error.message


def test_one_loop_on_two_axes() -> None:
    assert refused({"spatial_loops": (0, 0)}).code in ("E302", "E303")


@pytest.mark.parametrize("temporal", [counters(32), counters(16)[1:]])
def test_an_iteration_that_never_runs(temporal: tuple[TemporalDim, ...]) -> None:
    error = refused({"temporal": temporal})
    assert error.code == "E303"
    assert "never runs iteration m=16, n=0, k=0" in error.message


def test_a_negative_delay() -> None:
    error = refused({"control": (1, -2)})
    assert error.code == "E304"
    assert "FU (0, 15) would run timestamp 0, iteration m=0, n=15, k=0, 30 cycles" in error.message


def test_two_writes_to_one_element() -> None:
    text = (
        "name: n\noperations:\n  - name: op\n    loops: {i: 4, j: 5}\n"
        '    statement: "Y[i+2*j] = X[i,j]"\n    formats: {X: int8, Y: int8}\n'
    )
    with pytest.raises(LegoError, match=r"E301.*in iterations \(i=0, j=1\) and \(i=2, j=0\)"):
        adgs_of(load_text(text))


def test_a_memory_too_small_for_padded_banks() -> None:
    text = GEMM.replace("m: 64, n: 64", "m: 50, n: 37").replace(
        "array: [16, 16]", "array: [16, 16], memories: {Y: 7400}"
    )
    with pytest.raises(LegoError, match=r"E305.*9472 bytes; its memory has 7400"):
        designs_of(load_text(text))
    assert designs_of(load_text(text.replace("7400", "9472")))


def test_the_memory_must_hold_the_banks_of_all_dataflows() -> None:
    """Rows alone need 8 banks of 6 words, rows and parts of columns 8 banks of 8."""
    text = (
        "name: n\noperations:\n  - name: op\n    loops: {i: 8, j: 6}\n"
        '    statement: "Y[i,j] = X[i,j]"\n    formats: {X: int8, Y: int8}\n'
        "    dataflows:\n      - {name: rows, spatial: {i: 8}}\n      - {name: columns, spatial: {j: 4}}\n"
        "architecture: {array: [8], memories: {X: 50}}\n"
    )
    with pytest.raises(LegoError, match="E305"):
        designs_of(load_text(text))
    assert designs_of(load_text(text.replace("X: 50", "X: 64")))


ROOM = """name: room
operations:
  - name: conv
    loops: {oh: 4, ow: 4, kw: 3}
    statement: "Y[STEP*ow+kw,oh] += X[oh,ow+kw-1] * W[kw]"
    formats: {X: int8, W: int8, Y: int32}
    pad: {X: 0}
    dataflow: {spatial: {ow: 2}, temporal: [oh, kw]}
architecture: {room: {}}
"""


def test_a_chip_with_room_has_no_pads() -> None:
    with pytest.raises(LegoError, match=r"E306.*'X' has a pad value") as caught:
        designs_of(load_text(ROOM.replace("STEP", "4")))
    assert "hold its border" in caught.value.hint


def test_a_chip_with_room_has_no_results_that_edges_overlap() -> None:
    text = ROOM.replace("STEP", "1").replace("    pad: {X: 0}\n", "").replace("kw-1", "kw")
    with pytest.raises(LegoError, match=r"E306.*edges of 'Y' overlap"):
        designs_of(load_text(text))
