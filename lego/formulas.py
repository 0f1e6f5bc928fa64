"""Closed forms of a dataflow: cycles, accesses and registers as expressions of its loops' bounds.

They are what the same functions give that compute the numbers, for symbols instead of bounds.
"""

from __future__ import annotations

from lego.back.plan.design import DesignPlan, plan_of
from lego.back.plan.register_values import register_values, runtime_shapes
from lego.back.schedule.latencies import starting
from lego.back.schedule.times import schedule
from lego.front.accesses import access_counts
from lego.ir.adg import Adg
from lego.ir.closed import symbol
from lego.ir.cycles import issue_cycles
from lego.ir.formulas import HALF, RESUME, Formulas, base_of
from lego.ir.fused import FusedAdg
from lego.ir.pauses import pauses_of
from lego.ir.simple import shortest, text_of, within

__all__ = ["formulas"]


def formulas(
    design: DesignPlan | FusedAdg | Adg, *, dataflow: int = 0, tail: int | None = None
) -> Formulas:
    """The closed forms of a dataflow; loops are called as they are, bases as :func:`base_of` says."""
    plan = plan_of(design)
    adg = plan.fused.layers[dataflow].adg
    bounds = {loop.name: symbol(loop.name) for loop in adg.op.loops}
    bases = {p.name: symbol(base_of(p.name), least=0) for p in adg.operands()}
    half = symbol(HALF, least=0) if plan.fused.halves > 1 else 0
    resume = symbol(RESUME, least=0) if adg.output.resumes else 0
    full = {each.tensor.name: each.tensor.shape for each in adg.operands()}
    shapes = runtime_shapes(adg.op, full, bounds)
    extra = schedule(plan).tails[dataflow] if tail is None else tail
    trips = adg.dataflow.trips(adg.op, bounds)
    pauses = pauses_of(adg, trips)
    cycles = issue_cycles(trips, pauses) + extra + starting(plan)
    by_operand = {p.name: shapes[p.tensor.name] for p in adg.operands()}
    accesses = access_counts(adg, bounds, by_operand, pauses)
    registers = register_values(plan, dataflow, bounds, shapes, bases, half, pauses, resume)
    ranges = {bounds[loop.name]: (1, loop.extent) for loop in adg.op.loops}
    for buffer in plan.buffers:
        if (used := buffer.plans[dataflow]) is not None:
            ranges[bases[used.name]] = (0, buffer.depth - 1)
    return Formulas(
        cycles=text_of(cycles),
        accesses={name: text_of(shortest(value)) for name, value in accesses.items()},
        registers={name: text_of(within(value, ranges)) for name, value in registers.items()},
    )
