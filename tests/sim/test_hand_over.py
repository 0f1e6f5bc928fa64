"""Chains: an operation works on what the ones before it wrote, and whoever simulates it is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from frontends.yaml import load_workload
from lego.artefact.manifest import read_devices
from lego.artefact.publish import publish
from lego.compile import compile_workload
from sim.session import Job, default_stream
from sim.simulate import demand_match, hand_overs, simulate

CHAIN = Path(__file__).resolve().parents[1] / "workloads" / "chain_small.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("chain") / "chain_small"
    workload = load_workload(CHAIN)
    publish(made, compile_workload(workload, source=CHAIN.read_bytes()))
    return made


def test_operands_are_the_results_before(folder: Path) -> None:
    """What is loaded into the memory of operands is, element by element, what was read from that of
    results."""
    workload = load_workload(CHAIN)
    (device,) = read_devices(folder)
    jobs = [
        Job(op, flow.program)
        for op, flow in zip(workload.operations, device.dataflows, strict=True)
    ]
    tensors = {tensor.name: tensor for tensor in workload.network.buffers}
    stream = default_stream(device, jobs, tensors, np.random.default_rng(1))
    for name in ("A", "Y"):
        result, operand = (
            part for part in stream.expected if part.get("operand") == name and part["words"]
        )
        assert (result["kind"], operand["kind"]) == ("words", "beside")
        bits = tensors[name].format.bits
        wrote = dict(zip(map(tuple, result["index"]), result["words"], strict=True))
        words = [word % (1 << bits) for word in operand["words"]]  # a memory may be wider
        read = dict(zip(map(tuple, operand["index"]), words, strict=True))
        assert read == wrote
        assert len(set(wrote.values())) > 3


def test_what_is_carried_over_is_told(folder: Path) -> None:
    result = simulate(folder)
    demand_match(result)
    assert [str(each) for each in result.handed] == [
        "second reads A as first wrote it; the host carries it over",
        "third reads Y as second wrote it; the host carries it over",
    ]
    told = json.loads((folder / "sim.json").read_text())["handed_over"]
    assert [(each["tensor"], each["writer"], each["reader"]) for each in told] == [
        ("A", "first", "second"),
        ("Y", "second", "third"),
    ]


def test_one_operation_by_itself_reads_random_values() -> None:
    (handed,) = hand_overs(load_workload(CHAIN).operations, ["third"])
    assert str(handed) == "third reads random values for Y, as second isn't run"
