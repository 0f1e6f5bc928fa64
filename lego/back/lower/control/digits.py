"""Bank digits of a memory's least element, in mixed radix."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.back.lower.control.nest import Events, digit_nest
from lego.back.lower.control.registers import Registers
from lego.back.plan.design import DesignPlan
from lego.back.plan.memory.bank_view import Views
from lego.back.plan.memory.nests import DigitNest, digit_nests
from lego.back.plan.registers import moving_counters
from lego.back.plan.room import digit_first, digit_step
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

    What is left by the gcd carries into the digit of its dimension, and that into the row; digits to which
    a skew adds other dimensions carry into none.
    """
    found: Digits = {}
    carries: Carries = {}
    carry = None
    for nest in digit_nests(design.views[buffer.index], free=design.fused.room is not None):
        digit, over = _built(b, events, design, buffer, nest, carry)
        carry = over if nest.rest else None
        if not nest.rest:
            found[nest.name] = digit, nest.count
        if not nest.skewed:
            carries[over] = (nest.dim, -1 if nest.rest else 1)
    return found, carries


def _built(
    b: Builder,
    events: Events,
    design: DesignPlan,
    buffer: MemoryPlan,
    nest: DigitNest,
    carry: int | None,
) -> tuple[int, int]:
    """A digit and its carry; its steps and first value are constants, or with room registers."""
    used = moving_counters(design.fused, buffer.plans)

    def told() -> tuple[dict[int, int], int, int]:
        if design.fused.room is None:
            return _constants(b, nest, design.views[buffer.index], used, late=bool(events.still))
        registers = Registers(b, design)
        steps = {k: registers.bring(digit_step(buffer.name, nest, k)) for k in used}
        first = digit_first(buffer.name, nest)
        return steps, registers.bring(first), registers.begins(first)

    return digit_nest(b, events, used, told, nest.radix, nest.name, carry)


def _constants(
    b: Builder, nest: DigitNest, views: Views, used: Sequence[int], *, late: bool
) -> tuple[dict[int, int], int, int]:
    """Steps and the first value of the running dataflow, which is that of a run that begins.

    `late`: there is time to choose them a cycle before.
    """
    counters = max(used, default=-1) + 1
    each = [nest.steps(view, counters) for view in views]
    moved = [k for k in used if any(row[k] for row in each)]

    def chosen(values: Sequence[int]) -> int:
        late_by = int(late and len(set(values)) > 1)
        return b.delay(b.choose([b.const(value) for value in values]), late_by, name="chosen")

    start = chosen([nest.first(view) for view in views])
    return {k: chosen([row[k] for row in each]) for k in moved}, start, start
