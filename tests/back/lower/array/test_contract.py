"""Contracts: when an FU's ports have their values."""

from __future__ import annotations

import pytest

from lego.back.fu.unit import CONTRIBUTION
from lego.back.lower.node_ports import node_port
from lego.ir.dag import Module, Op
from tests.back.designs import CHAIN, DESIGNS, GEMM
from tests.back.timeline import Rooms, rooms_of


def fu_at(rooms: Rooms, fu: tuple[int, ...]) -> Module:
    name = "fu_" + "_".join(map(str, fu))
    nodes = rooms.array.module.nodes
    (kind,) = (n.text for n in nodes if n.op is Op.INSTANCE and n.name == name)
    return next(m for m in rooms.array.fus if m.name == kind)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_port_but_the_dataflow_has_a_time(name: str) -> None:
    for module in rooms_of(DESIGNS[name]).array.fus:
        ports = [n.name for n in module.nodes if n.op is Op.INPUT]
        assert module.contract is not None
        assert [port for port, _ in module.contract.inputs] == [p for p in ports if p != "dataflow"]
        assert [port for port, _ in module.contract.outputs] == [port for port, _ in module.outputs]


def test_operands_that_are_passed_on_leave_when_they_are_used() -> None:
    """All operands of one FU meet: data nodes' after a read of so many cycles, links' as these are used."""
    rooms = rooms_of(GEMM)
    operand = rooms.times.operand
    corner, inner = fu_at(rooms, (0, 0)).contract, fu_at(rooms, (1, 1)).contract
    assert dict(corner.inputs)["X_node"] == dict(inner.inputs)["X_link0"] == operand[0]
    assert dict(corner.outputs)["X_pass"] == operand[0]
    assert dict(corner.outputs)["W_pass"] == operand[1]
    # the product is ready one cycle after the operands, and its sum a cycle after that
    assert rooms.times.contribution == max(operand) + 1
    assert dict(corner.outputs)["result"] == max(operand) + 2
    assert corner.pins == ((CONTRIBUTION, max(operand) + 1),)


def test_sums_leave_a_cycle_after_they_came() -> None:
    """So that they travel with the skew of one cycle per FU."""
    rooms = rooms_of(CHAIN)
    middle = fu_at(rooms, (1, 0)).contract
    assert dict(middle.outputs)["sum_out"] == dict(middle.inputs)["sum_in0"] + 1


def test_ports_between_memories_and_the_array() -> None:
    buffer = rooms_of(GEMM).design.operands[0]
    assert node_port(buffer, (1, 0)) == "X_node_1_0"
