"""Reuse of what a data node read some timestamps before, through FIFOs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from lego.ir.closed import Number, every, maximum, select
from lego.ir.cycles import weights

__all__ = ["DelayReuse", "Fu"]

Fu = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DelayReuse:
    """Reuse with a delay, which holds on a part of the timestamps only.

    Each of `fus` takes the value that FU ``s - shift`` used at ``t - dt`` wherever ``t - dt`` lies in the
    domain; elsewhere its next delay reuse serves it, or its data node.

    Attributes
    ----------
    dt : timestamps back, per counter.
    delay : most cycles between the two uses; ``lin(dt) + c . shift`` at the largest bounds, unless ``dt``
        is lexicographically negative.
    fus : data nodes that it serves, in lexicographic order.
    """

    shift: Fu
    dt: tuple[int, ...]
    delay: int
    fus: tuple[Fu, ...]

    @property
    def programmable(self) -> bool:
        """Whether the delay depends on the run-time bounds."""
        return any(self.dt[:-1])

    @property
    def opening(self) -> int:
        """Trips of the innermost counter after which it serves, whatever the bounds and pauses; 0 if that
        depends on more."""
        return 0 if self.programmable else max(0, self.dt[-1])

    def serves(self, fu: Fu) -> bool:
        """Whether a data node is among those served."""
        at = bisect_left(self.fus, fu)
        return at < len(self.fus) and self.fus[at] == fu

    def cycles(
        self, trips: Sequence[Number], skew: int, pauses: Sequence[Number | int] = ()
    ) -> Number | int:
        """Cycles between the two uses at these trip counts and pauses, if `skew` is ``c . shift``; 0 if
        a programmable delay serves nobody there, or pauses make it longer than the FIFO."""
        if not self.programmable:
            return self.delay
        steps = zip(self.dt, trips, strict=True)
        there = every(trip > abs(step) for step, trip in steps if step)
        apart = maximum(0, self._apart(trips, pauses) + skew)
        if any(pause != 0 for pause in pauses):
            there = every([there, apart <= self.delay])
        return select(there, apart, 0)

    def _apart(self, trips: Sequence[Number], pauses: Sequence[Number | int]) -> Number | int:
        """Cycles between the timestamps of the two uses."""
        steps = zip(self.dt, weights(trips, pauses), strict=True)
        total: Number | int = sum(step * weight for step, weight in steps)
        return total

    def domain(
        self, trips: Sequence[Number], skew: int, pauses: Sequence[Number | int] = ()
    ) -> tuple[tuple[Number | int, Number | int], ...]:
        """Timestamps at which the reuse holds: per counter the first, and one after the last."""
        sides = [
            (max(0, step), trip + min(0, step)) for step, trip in zip(self.dt, trips, strict=True)
        ]
        waits = any(pause != 0 for pause in pauses)
        if self.programmable and (waits or skew < 0 or self.dt <= (0,) * len(self.dt)):
            apart = self._apart(trips, pauses) + skew
            held = every([apart > 0, apart <= self.delay]) if waits else apart > 0
            return tuple((select(held, first, 0), select(held, end, 0)) for first, end in sides)
        return tuple(sides)
