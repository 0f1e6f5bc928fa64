"""Workloads printed as YAML load back equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from frontends.yaml import load_text
from frontends.yaml.render import render_workload
from lego.ir.operation import Operation, Place
from lego.ir.workload import Workload
from tests.designs import shipped
from tests.property.generator import sample

ROOT = Path(__file__).resolve().parents[3]
FILES = shipped() + sorted((ROOT / "tests" / "workloads").glob("*.yaml"))


def bare(workload: Workload) -> Workload:
    """The workload without positions."""

    def place(given: Place) -> Place:
        return replace(given, loc=None)

    def operation(op: Operation) -> Operation:
        output = replace(op.output, place=place(op.output.place))
        return replace(op, outputs=(output,), inputs=tuple(map(place, op.inputs)), loc=None)

    return replace(
        workload,
        network=replace(workload.network, steps=tuple(map(operation, workload.operations))),
        dataflows=tuple(
            tuple(replace(flow, loc=None) for flow in flows) for flows in workload.dataflows
        ),
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_workloads(path: Path) -> None:
    workload = bare(load_text(path.read_text()))
    assert bare(load_text(render_workload(workload))) == workload


def test_random_workloads() -> None:
    for seed in range(100):
        workload = bare(load_text(sample(seed).text))
        text = render_workload(workload)
        assert bare(load_text(text)) == workload
        assert render_workload(load_text(text)) == text


def test_text() -> None:
    text = """\
name: two
operations:
  - name: conv
    loops: {o: 6, k: 3}
    statement: "Y[o] += X[2*o-k+1] * (W[k] - -3)"
    formats: {Y: int32, X: int8, W: uint4}
    shapes: {Y: [6], X: [12], W: [3]}
    pad: {X: -1}
    dataflow: {name: mine, spatial: {o: 3}, temporal: [k], control: [2]}
  - name: top
    loops: {o: 5}
    statement: "Z[0] max= -(5) - abs(Y[o+1] + Y[o]) << 1"
    formats: {Z: int32, Y: int32}
    shapes: {Z: [1], Y: [6]}
architecture: {array: [4], memories: {X: 100}}
"""
    assert "int32" in text
    with pytest.raises(Exception, match="E124"):
        load_text(text)
    text = text.replace("max=", "+=")
    assert render_workload(load_text(text)) == text


@pytest.mark.parametrize(
    "limit",
    [
        "resume: yes",
        "double_buffer: yes",
        "double_buffer: parts",
        "fused: no",
        "dma_bits: 64",
        "queue: 16",
    ],
)
def test_limits_of_the_hardware(limit: str) -> None:
    text = sample(3).text.replace("architecture: {", f"architecture: {{{limit}, ")
    workload = bare(load_text(text))
    assert limit in render_workload(workload)
    assert bare(load_text(render_workload(workload))) == workload


def test_room() -> None:
    text = render_workload(load_text(sample(1).text)).replace(
        "architecture: {", "architecture: {room: {counters: 5, trips: 9, reduction: 30}, "
    )
    workload = bare(load_text(text))
    assert workload.architecture.room is not None
    assert bare(load_text(render_workload(workload))) == workload
