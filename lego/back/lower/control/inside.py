"""Whether an index lies in its tensor."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.lower.control.nest import Events, affine_value
from lego.back.lower.control.registers import Registers
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.registers import access_of, needs_extent
from lego.back.plan.signals import inside_port
from lego.ir.fused import MemoryPlan, Plan

__all__ = ["build_inside"]


def build_inside(
    b: Builder, events: Events, registers: Registers, design: DesignPlan, buffer: MemoryPlan
) -> None:
    """Whether an index lies in the tensor, per dimension that can leave it and per offset."""
    tests: dict[int, list[BankView]] = {}
    for view in design.views[buffer.index]:
        if view is not None:
            for j in needs_extent(view.adg, view.plan, access_of(view.adg, view.plan)):
                tests.setdefault(j, []).append(view)
    for j, views in sorted(tests.items()):
        rows = [_row_of(plan, j, design.fused.n_counters) for plan in buffer.plans]
        offsets = [plan.offset[j] if plan and j < len(plan.offset) else 0 for plan in buffer.plans]
        trips = design.fused.trips()
        low = min(
            f + sum(min(0, c) * (n - 1) for c, n in zip(row, trips, strict=True))
            for row, f in zip(rows, offsets, strict=True)
        )
        high = max(
            f + sum(max(0, c) * (n - 1) for c, n in zip(row, trips, strict=True))
            for row, f in zip(rows, offsets, strict=True)
        )
        value = affine_value(b, events, rows, offsets, (low, high), f"index{j}")
        extent = registers.bring(f"{buffer.name}_extent{j}")
        for at in sorted({v.shift(fu)[j] for v in views for fu in v.nodes}):
            here = b.add(value, b.const(at)) if at else value
            within = [b.less(here, extent)]
            if low + at < 0:
                within.append(b.invert(b.less(here, b.const(0))))
            b.output(inside_port(j, at), b.all(within))


def _row_of(plan: Plan | None, dim: int, counters: int) -> tuple[int, ...]:
    return plan.time[dim] if plan is not None and dim < len(plan.time) else (0,) * counters
