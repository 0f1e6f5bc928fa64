"""What of a dataflow is a register, beyond what always is."""

from __future__ import annotations

from dataclasses import dataclass

from lego.ir.fused import FusedAdg

__all__ = ["Freedom"]


@dataclass(frozen=True, slots=True)
class Freedom:
    """Which parts of a chip's dataflows the host can set for each operation.

    Trips, bounds of axes, extents, bases and address steps are registers of every chip, and a delay
    reuse whose depth is a register can be off. Chips with room have the rest in registers, too.

    Attributes
    ----------
    steps : first values and steps of bank digits; and every memory has an address step per counter.
    masks : which FUs along an axis count, in all trips and in the last of any counter.
    holds : over which counters values are held, and which counters revisit results.
    delays : every delay reuse can be off, but for those that macros of several banks need.
    """

    steps: bool = False
    masks: bool = False
    holds: bool = False
    delays: bool = False

    @staticmethod
    def of(chip: FusedAdg) -> Freedom:
        """That of a chip."""
        return Freedom() if chip.room is None else Freedom.everything()

    @staticmethod
    def everything() -> Freedom:
        """All of it."""
        return Freedom(steps=True, masks=True, holds=True, delays=True)
