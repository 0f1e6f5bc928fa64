"""The description of a device, of its plan and its modules after the passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from lego.back.graph.measure import counts_of
from lego.back.lower.core import Lowered
from lego.back.lower.top import memory_instance
from lego.back.plan.design import DesignPlan
from lego.back.plan.host_map import HostMap, host_map
from lego.back.plan.memory.clients import array_of, host_of
from lego.back.plan.registers import Reader, address_bits
from lego.back.schedule.latencies import settling, starting
from lego.back.sram.arrange import arranged
from lego.back.sram.share import shapes_of
from lego.diag import LegoError
from lego.ir.checks.check import checked
from lego.ir.dag import Dag, Module, Op, index_bits
from lego.ir.device import (
    CommandQueue,
    Device,
    DeviceDataflow,
    DevicePort,
    Engines,
    HostPort,
    HostRegion,
    Macro,
    Memory,
    Part,
    Register,
)
from lego.ir.expr import Binary, BinaryOp, Expr, Unary
from lego.ir.formulas import Formulas
from lego.ir.fused import MemoryPlan
from lego.ir.gaps import moves_on, safe_gap
from lego.ir.program import Program
from lego.ir.sram import MODELS_FILE, SRAM_FILE, SramCell, SramMap, in_registers

__all__ = ["describe"]

READ_LATENCY = 2


def describe(
    plan: DesignPlan,
    lowered: Lowered,
    programs: Sequence[Program],
    formulas: Sequence[Formulas],
    sram_map: SramMap | None = None,
    engines: Engines | None = None,
) -> Device:
    """The device of a design; `programs` run its dataflows at their full bounds, `formulas` tell of all;
    `engines` are those around its array, if it has any.

    Raises E132 if the macros of the map make no memory, E133 if one is named like a module.
    """
    fused, host = plan.fused, host_map(plan)
    registers = tuple(_registers(plan))
    memories = tuple(_memory(plan, host, buffer) for buffer in plan.buffers)
    macros = tuple(_macros(plan, lowered, sram_map))
    device = Device(
        top=fused.name,
        verilog=f"{fused.name}.v",
        sram_verilog=SRAM_FILE,
        array=fused.sizes,
        fus=fused.n_fus,
        host=HostPort(host.address_bits, host.data_bits, host.mask_bits, READ_LATENCY),
        ports=_ports(lowered.dag.top),
        regions=(HostRegion("registers", host.base(0), len(registers)), *map(_region, memories)),
        registers=registers,
        memories=memories,
        stages=tuple(name for name, there in asdict(lowered.times.stages).items() if there),
        macros=macros,
        sram_cells=tuple(_cells(macros, sram_map, lowered.dag)),
        sram_models=MODELS_FILE if sram_map and sram_map.models else "",
        parts=tuple(_parts(lowered.dag)),
        dataflows=tuple(_dataflows(plan, lowered, programs, formulas)),
        queue=_queue(plan, lowered),
        engines=engines,
    )
    return checked(device)


def _registers(plan: DesignPlan) -> Iterator[Register]:
    for i, spec in enumerate(plan.registers):
        behind = plan.fused.queue > 0 and spec.reader is Reader.BEHIND
        yield Register(spec.name, i, spec.bits, spec.about, spec.settles, spec.at_once, behind)


def _queue(plan: DesignPlan, lowered: Lowered) -> CommandQueue | None:
    words, drain = plan.fused.queue, max(lowered.times.tails)
    return CommandQueue(words, starting(plan), drain, settling(plan) + 1) if words else None


def _ports(top: Module) -> tuple[DevicePort, ...]:
    inputs = (DevicePort(n.name, "in", n.bits) for n in top.nodes if n.op is Op.INPUT)
    outputs = (DevicePort(name, "out", top.nodes[node].bits) for name, node in top.outputs)
    pins = (DevicePort(name, "in", 1) for name in (top.pins.clock, top.pins.reset))
    return (*pins, *inputs, *outputs)


def _memory(plan: DesignPlan, host: HostMap, buffer: MemoryPlan) -> Memory:
    return Memory(
        name=buffer.name,
        direction="out" if buffer.output else "in",
        instance=memory_instance(buffer.name),
        clients=(array_of(buffer), host_of(buffer)),
        base_address=host.base(1 + buffer.index),
        bank_stride=1 << address_bits(buffer.depth),
        halves=buffer.halves,
        half_stride=1 << (address_bits(buffer.depth) + index_bits(buffer.groups)),
        lanes=buffer.lanes,
        banks=buffer.n_banks,
        depths=buffer.depths,
        bits=buffer.bits,
        wide=buffer.wide,
    )


def _region(memory: Memory) -> HostRegion:
    return HostRegion(memory.name, memory.base_address, memory.halves * memory.half_stride)


def _parts(dag: Dag) -> Iterator[Part]:
    srams = shapes_of(dag)
    return (Part(m.name, m.category) for m in dag.modules if m.name not in srams)


def _macros(plan: DesignPlan, lowered: Lowered, sram_map: SramMap | None) -> Iterator[Macro]:
    """The SRAMs of each memory, by shape."""
    modules, shapes = lowered.dag.modules, shapes_of(lowered.dag)
    names = [module.name for module in modules]
    bands = {
        sram: arranged(words, bits, sram_map.cells, lanes) if sram_map else ()
        for sram, (words, bits, lanes) in shapes.items()
    }
    for buffer, name in zip(plan.buffers, lowered.parts.memories, strict=True):
        held = counts_of(Dag(modules[: names.index(name) + 1]))
        for sram, (words, bits, lanes) in shapes.items():
            if held[sram]:
                small = sram_map is None and in_registers(words, bits)
                count = held[sram]
                yield Macro(sram, buffer.name, bits, words, count, small, bands[sram], lanes)


def _cells(macros: Sequence[Macro], sram_map: SramMap | None, dag: Dag) -> Iterator[SramCell]:
    """The macros of the map that the device holds."""
    used = {cell for macro in macros for band in macro.bands for cell in band.cells}
    own = {module.name.lower() for module in dag.modules}
    for cell in sram_map.cells if sram_map else ():
        if cell.module in used:
            if cell.module.lower() in own:
                message = f"the macro {cell.module!r} is named like a module of {dag.top.name}"
                raise LegoError("E133", message, hint="rename the workload or its operation")
            yield cell


def _dataflows(
    plan: DesignPlan,
    lowered: Lowered,
    programs: Sequence[Program],
    formulas: Sequence[Formulas],
) -> Iterator[DeviceDataflow]:
    tails = lowered.times.tails
    runs = zip(plan.adgs, tails, programs, formulas, strict=True)
    for k, (adg, tail, program, closed) in enumerate(runs):
        flow = adg.dataflow
        yield DeviceDataflow(
            id=k,
            operation=adg.op.name,
            name=flow.name,
            about=flow.describe(adg.op),
            macs_per_fu=_multiplications(adg.op.body),
            tail=tail,
            program=program,
            formulas=closed,
            apart=safe_gap(adg) if plan.fused.queue and moves_on(adg) else 0,
        )


def _multiplications(expr: Expr) -> int:
    match expr:
        case Binary(op, left, right):
            return (op is BinaryOp.MUL) + _multiplications(left) + _multiplications(right)
        case Unary(_, arg):
            return _multiplications(arg)
    return 0
