"""What of a dataflow is a register, beyond what always is."""

from __future__ import annotations

from dataclasses import dataclass

from lego.ir.adg import Adg

__all__ = ["Room"]


@dataclass(frozen=True, slots=True)
class Room:
    """Which parts of a dataflow the host can set for each operation.

    Trips, bounds of axes, extents, bases and address steps are registers of every chip, and a delay
    reuse whose depth is a register can be off.

    Attributes
    ----------
    steps : first values and steps of bank digits; and every memory has an address step per counter.
    masks : coefficients of comparators, and the counter that goes with an axis.
    holds : over which counters values are held, and which counters revisit results: a bit per counter.
    delays : every delay reuse can be off.
    """

    steps: bool = False
    masks: bool = False
    holds: bool = False
    delays: bool = False

    @staticmethod
    def of(adg: Adg) -> Room:
        """The room of a dataflow as chips have it today."""
        del adg
        return Room()

    @staticmethod
    def everything() -> Room:
        """All of it."""
        return Room(steps=True, masks=True, holds=True, delays=True)
