"""In which cycle what is where: the same in every run, as nothing in the engine waits."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.system.vector.arithmetic import is_apart, product_cycles, product_span
from lego.ir.vector.chain import BYTE, SlotFn, Source
from lego.ir.vector.plan import Slot, VectorPlan

__all__ = ["FETCH", "Timing", "scale_cycles", "slot_cycles", "stays_apart", "timing_of"]

FETCH = 3
"""Cycles from the issue of an element to the lanes: two of the memory, and one to choose between two."""

BEHIND = 1
"""Cycles from the lanes to the destination: the rotation."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles after the elements of both streams reach a lane.

    Attributes
    ----------
    reduced : when the reduction has taken its last element.
    enters : when values reach each slot.
    leaves : when the result is there.
    """

    reduced: int
    enters: tuple[int, ...]
    leaves: int

    @property
    def result(self) -> int:
        """The cycle of the lanes' result after the issue of its last element."""
        return FETCH + self.leaves

    @property
    def written(self) -> int:
        """The cycle in which a result is written, after the issue of its last element."""
        return self.result + BEHIND


def slot_cycles(slot: Slot) -> int:
    """Cycles that a slot takes, to the lower bits of values that are apart."""
    match slot.fn:
        case SlotFn.MUL:
            return product_cycles(slot.before, slot.operand)
        case SlotFn.TABLE:
            return 2
    return 1


def scale_cycles(plan: VectorPlan) -> int:
    """Cycles that the scaling of the second stream takes."""
    if plan.scale is None:
        return 0
    return product_cycles(BYTE, plan.scale) + is_apart(product_span(BYTE, plan.scale))


def stays_apart(slot: Slot) -> bool:
    """Whether a slot takes values that are apart."""
    return slot.fn is SlotFn.ADD


def makes_apart(slot: Slot, *, was: bool) -> bool:
    """Whether values behind a slot are apart, if they were before."""
    if slot.fn is SlotFn.MUL:
        return is_apart(product_span(slot.before, slot.operand))
    return slot.fn is SlotFn.ADD and (was or is_apart(slot.after))


def timing_of(plan: VectorPlan) -> Timing:
    """The timing of an engine."""
    reduced = now = int(bool(plan.reductions))
    enters, is_divided = [], False
    for slot in plan.slots:
        if is_divided and not stays_apart(slot):
            now, is_divided = now + 1, False
        if len(slot.sources) > 1:  # what is chosen waits in a register
            now = max(now, 1 + scale_cycles(plan) * (Source.STREAM in slot.sources))
        enters.append(now)
        now += slot_cycles(slot)
        is_divided = makes_apart(slot, was=is_divided)
    return Timing(reduced, tuple(enters), now + is_divided)
