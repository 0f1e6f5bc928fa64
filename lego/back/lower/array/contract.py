"""When an FU's ports have their values, relative to a timestamp's issue."""

from __future__ import annotations

from collections.abc import Iterator

from lego.back.fu.unit import CONTRIBUTION
from lego.back.plan.array.fu_kind import FuKind
from lego.back.plan.array.ports import FuPort, PortRole, inputs_of, sum_out
from lego.back.plan.design import DesignPlan
from lego.back.schedule.times import Schedule
from lego.ir.dag import Contract, Module, Op

__all__ = ["contract_of"]


def contract_of(design: DesignPlan, times: Schedule, kind: FuKind, module: Module) -> Contract:
    """The contract of a kind's module, all of whose ports but the dataflow id have times."""
    memories = [buffer.name for buffer in design.operands]
    ports = {port.name: port for port in inputs_of(kind, memories, split=times.split > 0)}
    asked = [n.name for n in module.nodes if n.op is Op.INPUT and n.name != "dataflow"]
    left = dict(_departures(design, times))
    return Contract(
        tuple((name, _arrival(times, ports[name])) for name in asked),
        tuple((name, left[name]) for name, _ in module.outputs),
        ((CONTRIBUTION, times.contribution),),
    )


def _arrival(times: Schedule, port: FuPort) -> int:
    match port.role:
        case PortRole.SOURCE | PortRole.NODE | PortRole.LOAD | PortRole.REUSE:
            return times.operand[port.operand]
        case PortRole.MASK:
            return times.valid[port.number]
        case PortRole.FIRST | PortRole.TOTAL_IN:
            return times.total
        case PortRole.SUM_IN | PortRole.SUM_OUT:
            return times.contribution + port.upper


def _departures(design: DesignPlan, times: Schedule) -> Iterator[tuple[str, int]]:
    """Times of the output ports: what other FUs take leaves when it is used here."""
    yield "contribution", times.contribution
    for port in sum_out(split=times.split > 0):
        yield port.name, times.contribution + times.chained + port.upper
    yield "result", times.total + times.held + (times.split > 0)
    for buffer in design.operands:
        yield f"{buffer.name}_pass", times.operand[buffer.index]
