"""Masks: which FUs count at a timestamp, told by comparisons of the counters with registers.

Every mask is one comparison per distinct constant of the FUs: their coordinate along an axis whose
loop is ragged, or their part of an inequality of the domain.
"""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.control.nest import Events, affine_value
from lego.back.lower.control.registers import Registers
from lego.back.plan.array.fu_kind import mask_port
from lego.back.plan.room import edge_register, ragged_register
from lego.ir.fused import FusedAdg

__all__ = ["axis_masks", "guard_masks", "masked"]


def axis_masks(
    b: Builder,
    fused: FusedAdg,
    counters: Sequence[int],
    last: Sequence[int],
    registers: Registers,
) -> None:
    """One comparison per axis and coordinate along it but the first, which is within the bound
    in every trip. With room, of how many FUs count with the coordinate; `last` tells which counters are in
    their last trips."""
    for axis, size in enumerate(fused.sizes):
        if f"bound{axis}" not in registers:
            continue
        if fused.room is not None:
            limit = _in_use(b, axis, last, registers)
            for at in range(1, size):
                b.output(mask_port(axis, at), b.less(b.const(at), limit))
            continue
        values = []
        for layer in fused.layers:
            flow = layer.adg.dataflow
            value = b.const(0)
            for k, dim in enumerate(flow.temporal):
                if dim.loop == flow.spatial_loops[axis] >= 0:
                    value = b.times(counters[k], dim.step)
            values.append(value)
        value, bound = b.choose(values), registers.bring(f"bound{axis}")
        for at in range(1, size):
            b.output(mask_port(axis, at), b.less(b.add(value, b.const(at)), bound))


def _in_use(b: Builder, axis: int, last: Sequence[int], registers: Registers) -> int:
    """FUs along an axis that count, on a chip with room."""
    ends = b.all(masked(b, registers.bring(edge_register(axis)), last))
    return b.mux(ends, registers.bring(ragged_register(axis)), registers.bring(f"bound{axis}"))


def masked(b: Builder, mask: int, bits: Sequence[int]) -> list[int]:
    """The bits that a mask asks for, the others set; bit k of the mask is for the k-th."""
    return [b.any([bit, b.invert(b.slice(mask, k, 1))]) for k, bit in enumerate(bits)]


def guard_masks(b: Builder, fused: FusedAdg, events: Events, registers: Registers) -> None:
    """One comparison per inequality and distinct constant of FUs; the value that follows the counters is kept
    by adders, so there is no multiplier."""
    idle = (0,) * fused.n_counters
    for k in range(max(len(layer.adg.op.domain) for layer in fused.layers)):
        found = [
            (layer.adg, guards[k]) if k < len(guards := layer.adg.guards) else None
            for layer in fused.layers
        ]
        rows = [each[1].time if each else idle for each in found]
        starts = [each[1].start if each else 0 for each in found]
        most = max(each[1].high for each in found if each)
        value = affine_value(b, events, rows, starts, (0, most), f"guard{k}")
        limit = registers.bring(f"guard{k}")
        places = {each[1].at(fu) for each in found if each for fu in each[0].dataflow.fus()}
        for at in sorted(places):
            test = b.less(b.add(value, b.const(at)) if at else value, limit)
            b.output(mask_port(len(fused.sizes) + k, at), test)
