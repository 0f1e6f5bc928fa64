"""Values of a design's registers for given loop bounds, and the tensors' shapes at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lego.back.plan.array.fifo import capacities, setting
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.registers import (
    GAP_AFTER,
    GAP_BEFORE,
    RESUME,
    access_of,
    address_bits,
    delay_register,
    levels,
    loop_on,
    needs_extent,
    pause_register,
)
from lego.back.plan.room import digit_values, edge_values, mask_values, reuse_values
from lego.ir.adg import Adg, OutputPlan
from lego.ir.array import ArrayOperation
from lego.ir.closed import Number, maximum, modulo
from lego.ir.domain import inside_box, largest_index
from lego.ir.fused import FusedAdg, MemoryPlan, Plan
from lego.ir.gaps import gap_after, gap_before
from lego.ir.layout import word_of

__all__ = ["register_values", "runtime_shapes"]


def runtime_shapes(
    op: ArrayOperation, shapes: Mapping[str, Sequence[int]], bounds: Mapping[str, Number]
) -> dict[str, tuple[Number, ...]]:
    """Tensor shapes at smaller bounds: each extent shrinks as the largest index does.

    The largest index of the box if the tensor holds all of the box's, so that what reductions commit
    outside the domain stays inside; else that of the domain, if it has points.
    """
    result: dict[str, list[Number | int]] = {
        name: [0] * len(shape) for name, shape in shapes.items()
    }
    within = tuple(bounds[loop.name] for loop in op.loops)
    for access in (*op.inputs, op.output):
        for j, (row, offset) in enumerate(zip(access.map.rows, access.map.offset, strict=True)):
            low, high = inside_box(row, offset, op.extents)
            domain = () if low >= 0 and high < shapes[access.tensor][j] else op.domain
            most = largest_index(row, op.extents, domain, 0)
            shrink = most - largest_index(row, within, domain, most)
            extents = result[access.tensor]
            extents[j] = maximum(extents[j], shapes[access.tensor][j] - shrink, 1)
    return {name: tuple(extents) for name, extents in result.items()}


def register_values(
    design: DesignPlan,
    index: int,
    bounds: Mapping[str, Number],
    shapes: Mapping[str, Sequence[Number]],
    bases: Mapping[str, Number],
    half: Number | int = 0,
    pauses: Sequence[Number | int] = (),
    resume: Number | int = 0,
    bound: Adg | None = None,
) -> dict[str, Number | int]:
    """Value of every register for dataflow `index` at these loop bounds, shapes and first words.

    Registers that the dataflow doesn't use are zero. With `bound`, for another operation on its hardware.
    """
    fused = design.fused
    adg = bound or fused.layers[index].adg
    values: dict[str, Number | int] = {spec.name: 0 for spec in design.registers}
    if "dataflow" in values:
        values["dataflow"] = index
    if "half" in values:
        values["half"] = half
    if RESUME in values and adg.output.resumes:
        values[RESUME] = resume
    trips = adg.dataflow.trips(adg.op, bounds)
    values |= {f"trip{k}": trip - 1 for k, trip in enumerate(trips)}
    values |= {pause_register(k): pause for k, pause in enumerate(pauses) if pause}
    for name, gap in ((GAP_AFTER, gap_after), (GAP_BEFORE, gap_before)):
        if name in values:
            values[name] = gap(adg, trips, pauses)
    for axis in range(len(fused.sizes)):
        if f"bound{axis}" in values:
            values |= _bound_values(fused, adg, axis, bounds)
    for k, guard in enumerate(adg.guards):
        values[f"guard{k}"] = guard.register
    for buffer in design.buffers:
        plan = _plan_at(fused.layers[index].ports, adg, buffer)
        if plan is not None:
            shape = tuple(shapes[plan.tensor.name])
            found = _address_values(adg, buffer, plan, shape, bases[plan.name])
            found |= _delay_values(adg, buffer, plan, bounds, pauses)
            found |= {} if fused.room is None else _room_values(design, adg, buffer, plan)
            values |= {name: value for name, value in found.items() if name in values}
    return values


def _plan_at(ports: Sequence[int], adg: Adg, buffer: MemoryPlan) -> Plan | None:
    """The operand behind a port."""
    if buffer.output:
        return adg.output
    return adg.inputs[ports.index(buffer.index)] if buffer.index in ports else None


def _bound_values(
    fused: FusedAdg, adg: Adg, axis: int, bounds: Mapping[str, Number]
) -> dict[str, Number | int]:
    """What masks FUs along an axis."""
    loop = loop_on(adg, axis)
    if fused.room is None:
        return {f"bound{axis}": bounds[loop.name] if loop else 1}
    limit: Number | int = bounds[loop.name] if loop else 1
    return dict(edge_values(adg, axis, limit, adg.dataflow.trips(adg.op, bounds)))


def _room_values(
    design: DesignPlan, adg: Adg, buffer: MemoryPlan, plan: Plan
) -> dict[str, Number | int]:
    """What only chips with room have in registers."""
    views = design.views[buffer.index]
    reuses = reuse_values(buffer, plan)
    return (
        dict(mask_values(adg, buffer, plan))
        | dict(digit_values(buffer.name, BankView(adg, plan), views))
        | {delay_register(buffer, k): used for k, used in reuses}
    )


def _delay_values(
    adg: Adg,
    buffer: MemoryPlan,
    plan: Plan,
    bounds: Mapping[str, Number],
    pauses: Sequence[Number | int],
) -> dict[str, Number | int]:
    if isinstance(plan, OutputPlan):
        return {}
    trips, most = adg.dataflow.trips(adg.op, bounds), capacities(buffer)
    return {
        delay_register(buffer, k): setting(
            reuse.cycles(trips, adg.dataflow.skew(reuse.shift), pauses), reuse.delay, most[k]
        )
        for k, reuse in enumerate(plan.delays)
        if reuse.programmable
    }


def _address_values(
    adg: Adg, buffer: MemoryPlan, plan: Plan, shape: tuple[Number, ...], base: Number
) -> dict[str, Number | int]:
    addresses = 1 << address_bits(buffer.depth)
    strides = plan.banking.strides(shape)
    least = plan.banking.moved(
        tuple(f + o for f, o in zip(plan.offset, plan.banking.origin, strict=True))
    )
    values: dict[str, Number | int] = {f"{buffer.name}_base": base + _row(plan, strides, least)}
    for k in levels([plan]):
        values[f"{buffer.name}_step{k}"] = _row(plan, strides, [row[k] for row in plan.time])
    for j, (g, stride) in enumerate(zip(plan.banking.gcds, strides, strict=True)):
        values[f"{buffer.name}_row{j}"] = g * stride
    values = {name: modulo(value, addresses) for name, value in values.items()}
    for j in needs_extent(adg, plan, access_of(adg, plan)):
        values[f"{buffer.name}_extent{j}"] = shape[j]
    return values


def _row(plan: Plan, strides: Sequence[Number], element: Sequence[int]) -> Number | int:
    return word_of(element, plan.banking.counts, plan.banking.gcds, strides)
