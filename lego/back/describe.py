"""The description of a device, of its plan and its modules after the passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from lego.back.graph.measure import counts_of
from lego.back.lower.core import Lowered
from lego.back.lower.top import memory_instance
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import HostMap, host_map
from lego.back.plan.registers import address_bits
from lego.ir.checks.check import checked
from lego.ir.dag import Module, Op, index_bits
from lego.ir.device import (
    Client,
    Device,
    DeviceDataflow,
    DevicePort,
    HostPort,
    HostRegion,
    Macro,
    Memory,
    Part,
    Register,
)
from lego.ir.expr import Binary, BinaryOp, Expr, Unary
from lego.ir.fused import MemoryPlan
from lego.ir.program import Program

__all__ = ["describe"]

READ_LATENCY = 2


def describe(plan: DesignPlan, lowered: Lowered, programs: Sequence[Program]) -> Device:
    """The device of a design; `programs` run its dataflows at their full bounds."""
    fused, host = plan.fused, host_map(plan)
    registers = tuple(_registers(plan))
    memories = tuple(_memory(plan, host, buffer) for buffer in plan.buffers)
    device = Device(
        top=fused.name,
        verilog=f"{fused.name}.v",
        array=fused.sizes,
        fus=fused.n_fus,
        host=HostPort(host.address_bits, host.data_bits, host.mask_bits, READ_LATENCY),
        ports=_ports(lowered.dag.top),
        regions=(HostRegion("registers", host.base(0), len(registers)), *map(_region, memories)),
        registers=registers,
        memories=memories,
        stages=tuple(name for name, there in asdict(lowered.times.stages).items() if there),
        macros=tuple(_macros(plan, lowered)),
        parts=tuple(Part(module.name, module.category) for module in lowered.dag.modules),
        dataflows=tuple(_dataflows(plan, lowered, programs)),
    )
    return checked(device)


def _registers(plan: DesignPlan) -> Iterator[Register]:
    for i, spec in enumerate(plan.registers):
        yield Register(spec.name, i, spec.bits, spec.about, spec.settles, spec.at_once)


def _ports(top: Module) -> tuple[DevicePort, ...]:
    inputs = (DevicePort(n.name, "in", n.bits) for n in top.nodes if n.op is Op.INPUT)
    outputs = (DevicePort(name, "out", top.nodes[node].bits) for name, node in top.outputs)
    return (DevicePort("clk", "in", 1), DevicePort("rst", "in", 1), *inputs, *outputs)


def _memory(plan: DesignPlan, host: HostMap, buffer: MemoryPlan) -> Memory:
    return Memory(
        name=buffer.name,
        direction="out" if buffer.output else "in",
        instance=memory_instance(buffer.name),
        clients=(Client.ARRAY, Client.HOST),
        base_address=host.base(1 + buffer.index),
        bank_stride=1 << address_bits(buffer.depth),
        halves=plan.fused.halves,
        half_stride=1 << (address_bits(buffer.depth) + index_bits(buffer.groups)),
        lanes=buffer.lanes,
        banks=buffer.n_banks,
        depths=buffer.depths,
        bits=buffer.bits,
    )


def _region(memory: Memory) -> HostRegion:
    return HostRegion(memory.name, memory.base_address, memory.halves * memory.half_stride)


def _macros(plan: DesignPlan, lowered: Lowered) -> Iterator[Macro]:
    counts = counts_of(lowered.dag)
    for name, memory in lowered.parts.rams:
        for node in lowered.dag.module(name).nodes:
            if node.op is Op.MEMORY:
                operand = plan.buffers[memory].name
                yield Macro(name, operand, node.bits, node.extent, counts[name])


def _dataflows(
    plan: DesignPlan, lowered: Lowered, programs: Sequence[Program]
) -> Iterator[DeviceDataflow]:
    tails = lowered.times.tails
    for k, (adg, tail, program) in enumerate(zip(plan.adgs, tails, programs, strict=True)):
        flow = adg.dataflow
        yield DeviceDataflow(
            id=k,
            operation=adg.op.name,
            name=flow.name,
            about=flow.describe(adg.op),
            macs_per_fu=_multiplications(adg.op.body),
            tail=tail,
            program=program,
        )


def _multiplications(expr: Expr) -> int:
    match expr:
        case Binary(op, left, right):
            return (op is BinaryOp.MUL) + _multiplications(left) + _multiplications(right)
        case Unary(_, arg):
            return _multiplications(arg)
    return 0
