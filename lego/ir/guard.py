"""The inequalities of a domain in time and space: which FU counts at which timestamp.

``a . i < limit`` with ``i = M_T t + M_S s`` becomes ``time . t + space . s < limit``: a value that follows
the counters, a constant per FU, and a register. FUs with the same constant share a comparator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.ir.array import ArrayOperation
from lego.ir.dataflow import Dataflow
from lego.ir.domain import Inequality, inside_box

__all__ = ["Guard", "guards_of"]


@dataclass(frozen=True, slots=True)
class Guard:
    """One inequality under a dataflow, shifted so that nothing is negative.

    At timestamp ``t`` FU ``s`` counts iff ``(time . t + start) + at(s) < register(limit)``.

    Attributes
    ----------
    time, space : coefficients per counter and per axis.
    start : what the value is at the first timestamp, at least 0.
    nearest : least ``space . s`` over all FUs.
    high : largest left side over all timestamps and FUs; `register` never exceeds it by more than 1.
    limit : right side of the inequality.
    """

    time: tuple[int, ...]
    space: tuple[int, ...]
    start: int
    nearest: int
    high: int
    limit: int

    def at(self, fu: Sequence[int]) -> int:
        """The constant of an FU, at least 0."""
        return sum(a * s for a, s in zip(self.space, fu, strict=True)) - self.nearest

    @property
    def register(self) -> int:
        """What the shifted left side must be below; 0 to ``high + 1``."""
        return min(max(0, self.limit + self.start - self.nearest), self.high + 1)


def guards_of(op: ArrayOperation, dataflow: Dataflow) -> tuple[Guard, ...]:
    """One guard per inequality of the operation's domain."""
    return tuple(_guard(each, op, dataflow) for each in op.domain)


def _guard(each: Inequality, op: ArrayOperation, dataflow: Dataflow) -> Guard:
    row = each.coefficients
    time = tuple(row[d.loop] * d.step if d.loop >= 0 else 0 for d in dataflow.temporal)
    space = tuple(row[loop] if loop >= 0 else 0 for loop in dataflow.spatial_loops)
    first, last = inside_box(time, 0, dataflow.trips(op))
    nearest, farthest = inside_box(space, 0, dataflow.sizes)
    return Guard(time, space, -first, nearest, last - first + farthest - nearest, each.limit)
