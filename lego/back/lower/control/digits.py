"""Bank digits of a memory's least element, in mixed radix."""

from __future__ import annotations

from lego.back.graph.builder import Builder
from lego.back.lower.control.nest import Events, digit_nest
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.turn import digit_name, plain_digit
from lego.back.plan.registers import levels
from lego.ir.fused import MemoryPlan

__all__ = ["build_digits"]


def build_digits(
    b: Builder, events: Events, design: DesignPlan, buffer: MemoryPlan
) -> tuple[dict[str, tuple[int, int]], dict[int, tuple[int, int]]]:
    """Bank digits of the least element, and signed row carries by condition node.

    Layers with the same number of banks along a dimension share its counters.
    """
    found: dict[str, tuple[int, int]] = {}
    carries: dict[int, tuple[int, int]] = {}
    used = levels(buffer.plans)
    views = design.views[buffer.index]
    turning = {
        (j, v.plan.banking.gcds[j], v.plan.banking.counts[j])
        for v in views
        if v is not None
        for j in v.turning
    }
    for j, g, count in sorted(turning):
        mine = [
            v is not None
            and j in v.turning
            and (v.plan.banking.gcds[j], v.plan.banking.counts[j]) == (g, count)
            for v in views
        ]
        least = [v.least[j] if v and yes else 0 for v, yes in zip(views, mine, strict=True)]
        rows = [
            v.plan.time[j] if v and yes else (0,) * design.fused.n_counters
            for v, yes in zip(views, mine, strict=True)
        ]
        name = plain_digit(j, g, count)
        carry = None
        if g > 1 and any(step % g for row in rows for step in row):
            rests = {k: [row[k] % g for row in rows] for k in used}
            first = [value % g for value in least]
            _, carry = digit_nest(b, events, used, rests, first, g, f"rest_{name}", None)
            carries[carry] = (j, -1)
        parts = {k: [row[k] // g % count for row in rows] for k in used}
        first = [value // g % count for value in least]
        digit, over = digit_nest(b, events, used, parts, first, count, name, carry)
        found[name] = digit, count
        carries[over] = (j, 1)
    for name, j, count in sorted(
        {
            (digit_name(v.plan, j), j, v.plan.banking.counts[j])
            for v in views
            if v is not None
            for j in v.moving
            if any(v.plan.banking.skews[j])
        }
    ):
        mine = [v is not None and j in v.moving and digit_name(v.plan, j) == name for v in views]
        parts = {k: [] for k in used}
        for v, yes in zip(views, mine, strict=True):
            for k in used:
                step = v.plan.time[j][k] + v.added_steps(j)[k] if v and yes else 0
                parts[k].append(step % count)
        first = [v.first[j] if v and yes else 0 for v, yes in zip(views, mine, strict=True)]
        found[name] = digit_nest(b, events, used, parts, first, count, name, None)[0], count
    return found, carries
