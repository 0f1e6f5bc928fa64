"""Inequalities of an operation's domain, by the comparators that a chip has for those of its own."""

from __future__ import annotations

from collections.abc import Sequence

from lego.bind.strips import Assignment
from lego.ir.adg import Adg
from lego.ir.array import ArrayOperation
from lego.ir.guard import Guard

__all__ = ["limits_of"]


def limits_of(adg: Adg, op: ArrayOperation, given: Assignment) -> tuple[int, ...] | str:
    """What every inequality of the chip has to be below; those that no inequality of the operation needs
    always hold. Or why an inequality has no comparator."""
    limits: dict[int, int] = {}
    for each in op.domain:
        strips = (*given.counters, *given.axes)
        wanted = [None if s is None else each.coefficients[s.loop] * s.factor for s in strips]
        for number, guard in enumerate(adg.guards):
            limit = _limit(guard, wanted, each.limit)
            if number not in limits and limit is not None:
                limits[number] = limit
                break
        else:
            names = [loop.name for loop in op.loops]
            return f"no comparator is wired for {each.describe(names)}"
    return tuple(
        limits.get(k, guard.high + 1 - guard.start + guard.nearest)
        for k, guard in enumerate(adg.guards)
    )


def _limit(guard: Guard, wanted: Sequence[int | None], limit: int) -> int | None:
    """What a comparator's own value has to be below so that ``wanted . (t, s) < limit``; None if it computes
    something else."""
    pairs = [
        (own, w)
        for own, w in zip((*guard.time, *guard.space), wanted, strict=True)
        if w is not None
    ]
    own, scale = next(((a, w) for a, w in pairs if a), (0, 0))
    if own * scale <= 0 or any(a * scale != w * own for a, w in pairs):
        return None
    return -(-limit * abs(own) // abs(scale))
