"""Programs: what the host writes to run one design at given loop bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lego.back.plan.array.sums import identity
from lego.back.plan.design import DesignPlan, plan_of
from lego.back.plan.register_values import register_values, runtime_shapes
from lego.back.schedule.latencies import starting
from lego.back.schedule.times import schedule
from lego.diag import LegoError
from lego.front.accesses import access_counts
from lego.ir.adg import Adg
from lego.ir.checks.check import checked
from lego.ir.cycles import issue_cycles
from lego.ir.domain import bounded_above, points, reached
from lego.ir.fused import FusedAdg, MemoryPlan, Plan
from lego.ir.layout import Layout
from lego.ir.pauses import pauses_of
from lego.ir.program import Program

__all__ = ["configure"]


def configure(
    design: DesignPlan | FusedAdg | Adg,
    bounds: Mapping[str, int] | None = None,
    *,
    dataflow: int = 0,
    bases: Mapping[str, int] | None = None,
    half: int = 0,
    resume: bool = False,
    shapes: Mapping[str, Sequence[int]] | None = None,
    tail: int | None = None,
) -> Program:
    """The program of a dataflow for loop bounds up to the maxima; the maxima if none are given.

    `bases` gives operands' first word addresses in their banks, 0 by default. With `resume`, results are
    combined with what their memory holds. Raises E202 for an unknown loop or a bound outside
    [1, maximum], E203 for a base that leaves no room, E204 if the dataflow can't go on from results.
    """
    plan = plan_of(design)
    adg = plan.fused.layers[dataflow].adg
    chosen = _chosen(adg, bounds or {})
    full = {each.tensor.name: each.tensor.shape for each in adg.operands()}
    sizes = dict(shapes) if shapes else runtime_shapes(adg.op, full, chosen)
    memories = {
        each.name: buffer for buffer in plan.buffers if (each := buffer.plans[dataflow]) is not None
    }
    _demand_half(plan.fused, half)
    _demand_resumes(adg, resume=resume)
    starts = _checked_bases(adg, memories, sizes, bases or {})
    trips = adg.dataflow.trips(adg.op, chosen)
    pauses = pauses_of(adg, trips)
    extra = schedule(plan).tails[dataflow] if tail is None else tail
    extra += starting(plan)
    program = Program(
        dataflow=dataflow,
        half=half,
        bounds=chosen,
        registers=register_values(plan, dataflow, chosen, sizes, starts, half, pauses, int(resume)),
        cycles=issue_cycles(trips, pauses) + extra,
        iterations=points(tuple(chosen.values()), adg.op.domain),
        layouts={
            p.name: _layout(p, memories[p.name].name, tuple(sizes[p.tensor.name]), starts[p.name])
            for p in adg.operands()
        },
        accesses=access_counts(
            adg, chosen, {p.name: sizes[p.tensor.name] for p in adg.operands()}, pauses
        ),
        resume=resume,
    )
    if not adg.output.injective and not resume:
        program = _preloaded(program, adg)
    return checked(program)


def _chosen(adg: Adg, bounds: Mapping[str, int]) -> dict[str, int]:
    """Bounds of all loops. Raises E202 for one outside its limits, and for an unknown loop."""
    limits = {loop.name: loop.extent for loop in adg.op.loops}
    chosen = limits | dict(bounds)
    for name, value in chosen.items():
        if name not in limits:
            raise LegoError("E202", f"no loop {name!r}; loops are {', '.join(limits)}")
        if not 1 <= value <= limits[name]:
            raise LegoError(
                "E202",
                f"bound {name}={value} is outside [1, {limits[name]}]",
                hint="compile the workload with larger loops to raise the maximum",
            )
    return _reached(adg, chosen, bounds)


def _demand_half(fused: FusedAdg, half: int) -> None:
    if not 0 <= half < fused.halves:
        raise LegoError(
            "E203", f"half {half} is outside [0, {fused.halves - 1}]", hint="see double_buffer"
        )


def _demand_resumes(adg: Adg, *, resume: bool) -> None:
    if resume and not adg.output.resumes:
        raise LegoError(
            "E204",
            f"{adg.op.name}.{adg.dataflow.name} can't go on from results in memory",
            hint="compile a reduction (+=, max=, min=) with `resume: yes` in `architecture`",
        )


def _reached(adg: Adg, chosen: dict[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """Bounds; those that are affine in others and not given are no larger than these let them be, but at
    least 1.
    """
    names, domain = list(chosen), adg.op.domain
    for k, name in enumerate(names):
        if name not in given and bounded_above(k, domain):
            chosen[name] = max(1, reached(k, list(chosen.values()), domain))
    return chosen


def _checked_bases(
    adg: Adg,
    memories: Mapping[str, MemoryPlan],
    sizes: Mapping[str, Sequence[int]],
    bases: Mapping[str, int],
) -> dict[str, int]:
    """The first word address of every operand; 0 where none is given."""
    room = {plan.name: _room(plan, memories[plan.name], sizes) for plan in adg.operands()}
    for name, base in bases.items():
        if name not in room:
            raise LegoError("E203", f"no operand {name!r}; operands are {', '.join(room)}")
        if not 0 <= base <= room[name]:
            raise LegoError(
                "E203",
                f"base {name}={base} is outside [0, {room[name]}]",
                hint="smaller loop bounds leave more room in the banks",
            )
    return {name: bases.get(name, 0) for name in room}


def _room(plan: Plan, memory: MemoryPlan, sizes: Mapping[str, Sequence[int]]) -> int:
    """Words that an operand leaves in its last bank."""
    used = plan.banking.depth(tuple(sizes[plan.tensor.name]))
    return memory.depth_of(plan.banking.n_banks - 1) - int(used)


def _preloaded(program: Program, adg: Adg) -> Program:
    """The program of a dataflow whose results the host fills with the identity first."""
    name = adg.output.name
    layout = replace(program.layouts[name], preload=identity(adg))
    return replace(program, layouts=program.layouts | {name: layout})


def _layout(plan: Plan, memory: str, shape: tuple[int, ...], base: int) -> Layout:
    banking, tensor = plan.banking, plan.tensor
    return Layout(
        memory=memory,
        tensor=tensor.name,
        bits=tensor.format.bits,
        shape=shape,
        bank_counts=banking.counts,
        gcds=banking.gcds,
        skews=banking.skews,
        strides=banking.strides(shape),
        base=base,
        preload=None,
        wide=banking.wide,
        along=banking.along,
        shift=banking.shift,
    )
