"""Bank digits of a memory's least element, in mixed radix."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.control.nest import Events, digit_nest
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.bank_view import BankView, Views
from lego.back.plan.memory.turn import digit_name, plain_digit
from lego.back.plan.registers import levels
from lego.ir.fused import MemoryPlan

__all__ = ["build_digits"]


Digits = dict[str, tuple[int, int]]
"""By port: the digit's node, and its number of banks."""

Carries = dict[int, tuple[int, int]]
"""By condition node: the dimension whose row is carried, and the sign."""


def build_digits(
    b: Builder, events: Events, design: DesignPlan, buffer: MemoryPlan
) -> tuple[Digits, Carries]:
    """Bank digits of the least element, and signed row carries by condition node.

    Layers with the same number of banks along a dimension share its counters.
    """
    found: Digits = {}
    carries: Carries = {}
    used, views = levels(buffer.plans), design.views[buffer.index]
    turning = {(j, *_box(v, j)) for v in views if v is not None for j in v.turning}
    for j, g, count in sorted(turning):
        mine = [v if v and j in v.turning and _box(v, j) == (g, count) else None for v in views]
        least = [v.least[j] if v else 0 for v in mine]
        rows = [v.plan.time[j] if v else (0,) * design.fused.n_counters for v in mine]
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
    return found | _skewed(b, events, used, views), carries


def _box(view: BankView, dim: int) -> tuple[int, int]:
    """The gcd and the number of banks of a dimension."""
    return view.plan.banking.gcds[dim], view.plan.banking.counts[dim]


def _skewed(b: Builder, events: Events, used: Sequence[int], views: Views) -> Digits:
    """Digits to which a skew adds other dimensions; they carry into no row."""
    found: Digits = {}
    asked = {
        (digit_name(v.plan, j), j, v.plan.banking.counts[j])
        for v in views
        if v is not None
        for j in v.moving
        if any(v.plan.banking.skews[j])
    }
    for name, j, count in sorted(asked):
        mine = [v if v and j in v.moving and digit_name(v.plan, j) == name else None for v in views]
        parts = {
            k: [(v.plan.time[j][k] + v.added_steps(j)[k]) % count if v else 0 for v in mine]
            for k in used
        }
        first = [v.first[j] if v else 0 for v in mine]
        found[name] = digit_nest(b, events, used, parts, first, count, name, None)[0], count
    return found
