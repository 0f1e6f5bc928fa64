"""Inequalities of an operation's domain, by the comparators that a chip has for those of its own."""

from __future__ import annotations

from collections.abc import Sequence

from lego.bind.strips import Assignment
from lego.ir.adg import Adg
from lego.ir.array import ArrayOperation
from lego.ir.domain import inside_box
from lego.ir.guard import Guard

__all__ = ["limits_of"]


def limits_of(adg: Adg, op: ArrayOperation, given: Assignment) -> tuple[int | None, ...] | str:
    """What every inequality of the chip has to be below; None for those that no inequality of the operation
    needs, which always hold. Or why an inequality has no comparator."""
    if (number := _beyond(adg, given)) is not None:
        return f"comparator {number} is wired for fewer trips"
    limits: dict[int, int] = {}
    for each in op.domain:
        strips = (*given.counters, *given.axes)
        wanted = [None if s is None else each.coefficients[s.loop] * s.factor for s in strips]
        for number, guard in enumerate(adg.guards):
            limit = _limit(guard, wanted, each.limit)
            if number not in limits and limit is not None and _follows(adg, guard, given):
                limits[number] = limit
                break
        else:
            names = [loop.name for loop in op.loops]
            return f"no comparator is wired for {each.describe(names)}"
    return tuple(limits.get(k) for k in range(len(adg.guards)))


def _follows(adg: Adg, guard: Guard, given: Assignment) -> bool:
    """Whether a comparator's value goes on along an axis where the counter steps in whose last trip fewer FUs
    count: with room any counter may be that."""
    return all(
        guard.time[strip.counter] == guard.space[axis] * adg.dataflow.sizes[axis]
        for axis, strip in enumerate(given.axes)
        if strip and strip.ragged
    )


def _beyond(adg: Adg, given: Assignment) -> int | None:
    """A comparator whose value leaves what it has bits for, as some counters have more trips than in the
    chip's own operation: with room they may."""
    trips = [1 if strip is None else strip.count for strip in given.counters]
    for number, guard in enumerate(adg.guards):
        least, most = inside_box(guard.time, guard.start, trips)
        nearest, farthest = inside_box(guard.space, 0, adg.dataflow.sizes)
        if least < 0 or most + farthest - nearest > guard.high:
            return number
    return None


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
