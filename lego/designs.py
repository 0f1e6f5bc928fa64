"""The designs of a workload: one architecture that runs all of it, or one per dataflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lego.front.architecture import build_adg
from lego.front.fusion import fuse
from lego.front.legality import check_memories, check_room
from lego.ir.adg import Adg
from lego.ir.array import narrowed
from lego.ir.checks.check import checked
from lego.ir.fused import FusedAdg, Method
from lego.ir.hardware import Architecture, Buffering, MemoryStyle, Room
from lego.ir.workload import Workload
from lego.mapping.strip_mine import dataflow_of
from lego.tell import Tell, silent

__all__ = ["adgs_of", "designs_of"]


def adgs_of(workload: Workload, tell: Tell = silent) -> list[Adg]:
    """The architecture of each dataflow of each operation by itself, in order; `tell` hears of each."""
    tensors, operations = narrowed(workload)
    found = []
    for op, specs in zip(operations, workload.dataflows, strict=True):
        for spec in specs or (None,):
            found.append((op, dataflow_of(op, spec, workload.architecture)))
    chip = workload.architecture
    least = chip.room.counters if chip.room else 0
    counters = max(least, *(len(flow.temporal) for _, flow in found))
    axes = max(len(flow.sizes) for _, flow in found)
    pairs = zip(operations, workload.dataflows, strict=True)
    many = {op.name for op, specs in pairs if len(specs) > 1}
    adgs = []
    for k, (op, flow) in enumerate(found):
        tell(f"links and banks of {op.name}.{flow.name}", k, len(found))
        name = f"{workload.name}_{op.name}" + (f"_{flow.name}" if op.name in many else "")
        if chip.fused:
            flow = flow.aligned(counters, axes)
        price, style = chip.read_cost, style_of(chip)
        adgs.append(build_adg(name, op, tensors, flow, price, style, resume=chip.resume))
    return adgs


def style_of(chip: Architecture) -> MemoryStyle:
    """How data nodes use banks. Which of them act at one row depends on the operation, so a chip with room
    has a macro per bank."""
    style = chip.memory_style
    words = (MemoryStyle.CHEAPEST, MemoryStyle.WIDE)
    return MemoryStyle.NARROW if chip.room and style in words else style


def designs_of(
    workload: Workload, method: Method = Method.EXACT, tell: Tell = silent
) -> list[FusedAdg]:
    """The designs to build: one that runs all, or one per dataflow if not fused; `tell` hears of it."""
    adgs, chip = adgs_of(workload, tell), workload.architecture
    style, limits = style_of(chip), dict(chip.memory_bits)
    tell("fusion", 0, 0)
    groups = [adgs] if chip.fused and len(adgs) > 1 else [[adg] for adg in adgs]
    names = [workload.name if len(group) > 1 else group[0].name for group in groups]
    found = [
        fuse(name, group, method, style, limits) for name, group in zip(names, groups, strict=True)
    ]
    return [checked(_equipped(fused, workload)) for fused in found]


def _equipped(fused: FusedAdg, workload: Workload) -> FusedAdg:
    """The design with what the hardware has beside its array. Raises E305 where an operand doesn't fit, E306
    where an operation needs what a chip with room doesn't have."""
    chip = workload.architecture
    for layer in fused.layers:
        check_memories(layer.adg, dict(chip.memory_bits))
        if chip.room is not None:
            check_room(layer.adg)
    fused = replace(fused, dma_bits=chip.dma_bits, queue=chip.queue, engines=chip.engines)
    fused = fused if chip.room is None else _with_room(fused, chip.room)
    fused = _buffered(fused, chip.double_buffer)
    return _with_capacities(fused, dict(chip.memory_bits)) if fused.room or fused.parts else fused


def _with_room(fused: FusedAdg, room: Room) -> FusedAdg:
    layers = tuple(
        replace(layer, adg=replace(layer.adg, terms=room.reduction)) for layer in fused.layers
    )
    return replace(fused, layers=layers, room=room)


def _buffered(fused: FusedAdg, how: Buffering) -> FusedAdg:
    """The design whose host works while the array does; with parts only a memory has halves that the array
    reads and writes."""
    parts = how is Buffering.PARTS
    adds = any(layer.adg.output.accumulates for layer in fused.layers)
    double = adds if parts else how is Buffering.HALVES
    return replace(fused, halves=2 if double else 1, parts=parts)


def _with_capacities(fused: FusedAdg, sizes: Mapping[str, int]) -> FusedAdg:
    """The design whose memories are as large as the file says; `sizes` are bits by tensor."""
    found = {
        buffer.name: max(sizes.get(plan.tensor.name, 0) for plan in buffer.used())
        for buffer in fused.buffers()
    }
    capacities = tuple((name, bits) for name, bits in found.items() if bits)
    return replace(fused, capacities=capacities)
