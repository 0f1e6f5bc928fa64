"""In which cycle what is where: the same in every run, as nothing in the engine waits."""

from __future__ import annotations

from dataclasses import dataclass

from lego.back.system.vector.arithmetic import product_cycles, sum_cycles
from lego.ir.vector.chain import BYTE, SlotFn, Source
from lego.ir.vector.plan import Slot, VectorPlan

__all__ = ["FETCH", "Timing", "slot_cycles", "timing_of"]

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
    scaled : when the second stream is scaled.
    enters : when values reach each slot.
    leaves : when the result is there.
    """

    reduced: int
    scaled: int
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
    """Cycles that a slot takes."""
    match slot.fn:
        case SlotFn.MUL:
            return product_cycles(slot.before, slot.operand)
        case SlotFn.ADD:
            return sum_cycles(slot.after)
        case SlotFn.TABLE:
            return 2
    return 1


def timing_of(plan: VectorPlan) -> Timing:
    """The timing of an engine."""
    reduced = now = int(bool(plan.reductions))
    scaled = product_cycles(BYTE, plan.scale) if plan.scale else 0
    enters = []
    for slot in plan.slots:
        if Source.STREAM in slot.sources:
            now = max(now, scaled)
        enters.append(now)
        now += slot_cycles(slot)
    return Timing(reduced, scaled, tuple(enters), now)
