"""Modules of a device: what engines write reaches all banks of the array's memories by trees of registers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from frontends.yaml import load_workload
from lego.back.backend import lower
from lego.back.graph.limits import MAX_FANOUT
from lego.back.pipeline import Options
from lego.back.plan.design import plan_of
from lego.designs import designs_of
from lego.device import build
from lego.device.split import split
from lego.diag import LegoError
from lego.ir.dag import Dag, Op
from lego.ir.hardware import Buffering
from tests.back.passes.test_broadcast import largest_net
from tests.device.chips import FOLDER, network


@cache
def made(passes: tuple[str, ...]) -> Dag:
    """The modules of `edge16`, of whose passes these run."""
    array, chains = split(load_workload(FOLDER / "edge16.yaml"))
    (fused,) = designs_of(array)
    plan, options = plan_of(fused), Options(passes=passes)
    return build.with_engines(plan, lower(plan, options), chains, options)[0].dag


def largest_nets(dag: Dag) -> dict[str, int]:
    """Most pins that one register drives in each operand memory of the array, and in the top."""
    names = ("edge16_memory_in0", "edge16_memory_in1", "edge16")
    return {name: largest_net(dag, dag.module(name)) for name in names}


def test_writes_of_engines_reach_banks_by_trees() -> None:
    flat, trees = (largest_nets(made(passes)) for passes in (("dead",), ("dead", "broadcast")))
    assert flat["edge16_memory_in1"] > 10 * MAX_FANOUT
    assert max(trees.values()) <= MAX_FANOUT


@pytest.mark.parametrize("passes", [("dead",), ("dead", "broadcast")])
def test_all_of_a_write_takes_the_same_way(passes: tuple[str, ...]) -> None:
    """From the choice between engines to the array there are as many registers for each port."""
    dag = made(passes)
    depths = {_registers(dag, source) for source in _written(dag)}
    assert depths == {1}


def _written(dag: Dag) -> list[int]:
    top = dag.top
    (core,) = (node for node in top.nodes if node.op is Op.INSTANCE and node.name == "core")
    pairs = zip(core.ports, core.srcs, strict=True)
    return [source for port, source in pairs if port.startswith(("m0_", "m1_"))]


def _registers(dag: Dag, source: int) -> int:
    """Registers in a row before a node of the top; copies are modules with one each."""
    node, count = dag.top.nodes[source], 0
    while True:
        if node.op is Op.DELAY:
            count, before = count + 1, node.srcs[0]
        elif node.op is Op.PORT and "copy" in dag.top.nodes[node.srcs[0]].text:
            count, before = count + 1, dag.top.nodes[node.srcs[0]].srcs[0]
        elif node.op in (Op.WRAP, Op.WIRE):
            before = node.srcs[0]
        else:
            return count
        node = dag.top.nodes[before]


@pytest.mark.parametrize(
    ("chip", "reason"),
    [
        ({"queue": 0}, "the array of a device needs `queue: 16`, as engines start its runs"),
        ({"double_buffer": Buffering.HALVES}, "needs `double_buffer: parts`, as operands"),
        ({"queue": 0, "double_buffer": Buffering.NO}, "runs and `double_buffer: parts`"),
        ({"fused": False}, "needs `fused: yes`, as it is one"),
    ],
)
def test_an_array_that_engines_cannot_serve_is_refused(
    chip: dict[str, object], reason: str
) -> None:
    given = network("edge16")
    wrong = replace(given, architecture=replace(given.architecture, **chip))  # type: ignore[arg-type]
    with pytest.raises(LegoError, match="E308") as caught:
        split(wrong)
    assert reason in caught.value.message


def test_a_device_without_sums_has_no_array() -> None:
    given = network("edge16")
    steps, flows = given.network.steps, given.dataflows
    alone = replace(given.network, steps=(steps[3],))
    with pytest.raises(LegoError, match="no operation sums products, so there is no array"):
        split(replace(given, network=alone, dataflows=flows[3:4]))
