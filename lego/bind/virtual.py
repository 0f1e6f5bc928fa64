"""A bound operation as an architecture: the chip's own, with other steps, offsets, and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from lego.bind.freedom import Freedom
from lego.bind.placing.placement import Placement
from lego.bind.site import Site
from lego.bind.strips import Assignment
from lego.ir.adg import Adg, InputPlan, OutputPlan
from lego.ir.affine import AffineMap
from lego.ir.array import Access, ArrayOperation
from lego.ir.dataflow import Dataflow, TemporalDim
from lego.ir.delay_reuse import DelayReuse
from lego.ir.domain import Inequality
from lego.ir.operation import Loop

__all__ = ["virtual_adg"]


def virtual_adg(
    site: Site,
    freedom: Freedom,
    given: Assignment,
    placements: Sequence[Placement],
    delays: Sequence[tuple[DelayReuse, ...]],
    limits: Sequence[int | None],
) -> tuple[Adg, dict[str, int]]:
    """The architecture, and the bounds of its loops: operands are indexed by the placements.

    Loops, accesses and bodies stay the chip's, as far as its comparators and masks are wired by them.
    """
    op, flow, bounds = (_free_loops if freedom.masks else _loops)(site, given)
    op = replace(op, domain=_domain(op, limits))
    inputs = tuple(
        replace(_placed(plan, p), delays=d)
        for plan, p, d in zip(site.adg.inputs, placements[:-1], delays, strict=True)
    )
    output = _placed(site.adg.output, placements[-1])
    adg = replace(site.adg, op=op, dataflow=flow, inputs=inputs, output=output)
    return (_held(site, adg, given) if freedom.holds else adg), bounds


Kind = TypeVar("Kind", InputPlan, OutputPlan)


def _placed(plan: Kind, placement: Placement) -> Kind:
    """The operand at the placement's indices; a tensor by itself, which may fill what its memory has."""
    pad = plan.tensor.pad if placement.padded else None
    shape = plan.tensor.shape
    if isinstance(plan, InputPlan) and placement.words > plan.banking.depth(shape):
        shape = placement.shape
    tensor = replace(plan.tensor, name=plan.name, shape=shape, pad=pad)
    return replace(plan, tensor=tensor, time=placement.time, offset=placement.base)


def _loops(site: Site, given: Assignment) -> tuple[ArrayOperation, Dataflow, dict[str, int]]:
    """The chip's operation and dataflow, with a loop for every spare counter, and the bounds of all loops."""
    op, flow = site.adg.op, site.adg.dataflow
    temporal = list(flow.temporal)
    bounds = [1] * len(op.loops)
    for k, (dim, trips) in enumerate(zip(flow.temporal, given.trips, strict=True)):
        if dim.loop >= 0:
            bounds[dim.loop] = dim.step * (trips - 1) + 1
        elif trips > 1:
            temporal[k] = replace(dim, loop=len(op.loops))
            op = _with_loop(op, f"spare{k}", None)
            bounds.append(trips)
    for loop, bound in zip(flow.spatial_loops, given.bounds, strict=True):
        if loop >= 0:
            bounds[loop] = bound
    return _bounded(op, replace(flow, temporal=tuple(temporal)), bounds)


def _free_loops(site: Site, given: Assignment) -> tuple[ArrayOperation, Dataflow, dict[str, int]]:
    """The chip's operation and dataflow, with a loop for every axis and every counter: a counter in whose
    last trip fewer FUs of an axis count has that axis's."""
    op, flow = site.adg.op, site.adg.dataflow
    temporal, spatial = list(flow.temporal), list(flow.spatial_loops)
    bounds = [1] * len(op.loops)
    for axis, strip in enumerate(given.axes):
        if spatial[axis] < 0:
            continue
        op, spatial[axis] = _with_loop(op, f"axis{axis}", spatial[axis]), len(op.loops)
        bounds.append((strip.ragged or strip.count) if strip else 1)
        if strip and strip.ragged:
            k, size = strip.counter, site.axes[axis].size
            temporal[k] = TemporalDim(temporal[k].name, spatial[axis], size)
    ragged = {strip.counter for strip in given.axes if strip and strip.ragged}
    for k, trips in enumerate(given.trips):
        if k not in ragged:
            temporal[k] = TemporalDim(temporal[k].name, len(op.loops), 1)
            op = _with_loop(op, f"counter{k}", None, [guard.time[k] for guard in site.adg.guards])
            bounds.append(trips)
    flow = replace(flow, temporal=tuple(temporal), spatial_loops=tuple(spatial))
    return _bounded(op, flow, bounds)


def _bounded(
    op: ArrayOperation, flow: Dataflow, bounds: Sequence[int]
) -> tuple[ArrayOperation, Dataflow, dict[str, int]]:
    """With loops that are as long as their bounds, at least."""
    loops = tuple(
        replace(loop, extent=max(loop.extent, bound))
        for loop, bound in zip(op.loops, bounds, strict=True)
    )
    named = {loop.name: bound for loop, bound in zip(loops, bounds, strict=True)}
    return replace(op, loops=loops), flow, named


def _with_loop(
    op: ArrayOperation, name: str, like: int | None, compared: Sequence[int] = ()
) -> ArrayOperation:
    """The operation with one more loop, which moves what another one does, or nothing; by how much it moves
    what each inequality has `compared`, if that is said."""
    alike = [0 if like is None else d.coefficients[like] for d in op.domain]
    return replace(
        op,
        loops=(*op.loops, Loop(_unused(op, name), 1)),
        output=_wider(op.output, like),
        inputs=tuple(_wider(access, like) for access in op.inputs),
        domain=tuple(
            Inequality((*d.coefficients, step), d.limit)
            for d, step in zip(op.domain, compared or alike, strict=True)
        ),
    )


def _unused(op: ArrayOperation, name: str) -> str:
    """A name that no loop has."""
    while name in (loop.name for loop in op.loops):
        name = f"my_{name}"
    return name


def _wider(access: Access, like: int | None) -> Access:
    rows = tuple((*row, 0 if like is None else row[like]) for row in access.map.rows)
    return replace(access, map=AffineMap(rows, access.map.offset))


def _domain(op: ArrayOperation, limits: Sequence[int | None]) -> tuple[Inequality, ...]:
    """The chip's inequalities with these limits; None: 0 < 1."""
    return tuple(
        Inequality((0,) * len(op.loops), 1) if limit is None else replace(each, limit=limit)
        for each, limit in zip(op.domain, limits, strict=True)
    )


def _held(site: Site, adg: Adg, given: Assignment) -> Adg:
    """The architecture with values held over as many counters as don't move them, and results summed in
    memory over the others that don't."""
    inputs = tuple(
        replace(plan, hold=_still(plan, given)) if port.holds_freely else plan
        for port, plan in zip(site.inputs, adg.inputs, strict=True)
    )
    output = adg.output
    hold = _still(output, given) if site.output.holds_freely else output.hold
    outer = range(len(site.limits) - hold)
    again = tuple(k for k in outer if given.trips[k] > 1 and not _moves(output, given, k))
    again = again if output.accumulates else output.revisit
    output = replace(output, hold=hold, revisit=again)
    return replace(adg, inputs=inputs, output=output)


def _moves(plan: InputPlan | OutputPlan, given: Assignment, counter: int) -> bool:
    return given.trips[counter] > 1 and any(row[counter] for row in plan.time)


def _still(plan: InputPlan | OutputPlan, given: Assignment) -> int:
    """Innermost counters that don't move an operand."""
    count = 0
    while count < len(given.trips) and not _moves(plan, given, len(given.trips) - 1 - count):
        count += 1
    return count
