"""What is legal but probably not meant: FUs that never work, memories that nobody builds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lego.ir.fused import FusedAdg, Layer, MemoryPlan
from lego.ir.hardware import Architecture

__all__ = ["Advice", "advice_of"]

LARGE_BITS = 8 << 23
"""Memories that hold more than 8 MiB in all are told of."""

MIB_BITS = 1 << 23


@dataclass(frozen=True, slots=True)
class Advice:
    """What was found, and what to do about it."""

    text: str
    hint: str


def advice_of(designs: Sequence[FusedAdg], architecture: Architecture) -> list[Advice]:
    """Advice on all designs of a workload, in their order; none where all is as one would expect."""
    found = [each for fused in designs for each in _idle_fus(fused)]
    limited = {name for name, _ in architecture.memory_bits}
    return [*found, *(each for fused in designs for each in _large_memories(fused, limited))]


def _idle_fus(fused: FusedAdg) -> Iterator[Advice]:
    """FUs that no iteration of any dataflow reaches."""
    busy = {fu for layer in fused.layers for fu in itertools.product(*map(range, _reached(layer)))}
    idle = fused.n_fus - len(busy)
    if not idle:
        return
    wide = dict.fromkeys(
        (op.loops[loop].name, op.loops[loop].extent, size)
        for layer in fused.layers
        for op, flow in [(layer.adg.op, layer.adg.dataflow)]
        for loop, size in zip(flow.spatial_loops, flow.sizes, strict=True)
        if loop >= 0 and size > op.loops[loop].extent
    )
    told = ", ".join(f"loop {name} of {extent} on {size} FUs" for name, extent, size in wide)
    better = ", ".join(f"{name}: {extent}" for name, extent, _ in wide)
    text = f"{idle:,} of the {fused.n_fus:,} FUs of {fused.name} never work ({told})"
    yield Advice(
        text, f"map no loop on more FUs than it has iterations, as in spatial: {{{better}}}"
    )


def _reached(layer: Layer) -> list[int]:
    """FUs per axis that have an iteration at the full loop bounds."""
    op, flow = layer.adg.op, layer.adg.dataflow
    return [
        min(size, op.loops[loop].extent) if loop >= 0 else 1
        for loop, size in zip(flow.spatial_loops, flow.sizes, strict=True)
    ]


def _large_memories(fused: FusedAdg, limited: set[str]) -> Iterator[Advice]:
    sizes = {
        buffer.name: _bits(buffer) * buffer.halves
        for buffer in fused.buffers()
        if any(plan.tensor.name not in limited for plan in buffer.used())
    }
    total = sum(sizes.values())
    if total <= LARGE_BITS:
        return
    parts = ", ".join(f"{name} {bits / MIB_BITS:.1f}" for name, bits in sizes.items())
    yield Advice(
        f"the memories of {fused.name} hold {total / MIB_BITS:.1f} MiB ({parts}), "
        "as every tensor is kept whole",
        "compile a tile with smaller loops and run it several times; `architecture: {memories: {X: 65536}}` "
        "makes it an error if a tensor needs more bytes",
    )


def _bits(buffer: MemoryPlan) -> int:
    return sum(count * depth for count, depth in buffer.depths) * buffer.bits
