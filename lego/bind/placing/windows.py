"""Comparators of a chip that make pads: they are wired, and a bound operation must pass them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lego.bind.linear import reach
from lego.bind.placing.access import Access
from lego.bind.site import Port
from lego.ir.adg import OutputPlan
from lego.ir.array import Tensor

__all__ = ["Windows", "windows_of"]


@dataclass(frozen=True, slots=True)
class Windows:
    """What registers of comparators get, by dimension, and the dimensions in which the chip makes the pads
    (see :class:`lego.bind.placing.access.Access`)."""

    extents: tuple[tuple[int, int], ...]
    windows: tuple[tuple[int, int, int], ...]


def windows_of(port: Port, access: Access, tensor: Tensor) -> Windows | str:
    """How indices pass the comparators: they are always inside, or outside exactly where the element is; or
    why they don't."""
    extents, windows = [], []
    for dim, most in port.compared:
        low, high = _reached(port, access, dim)
        if low >= 0 and high < most:
            extents.append((dim, most))
            continue
        own = next(_alike(port, access, tensor, dim), None)
        if own is None or tensor.shape[own] > most:
            return (
                f"{port.name} has comparators that are wired for index {low}..{high} of dimension {dim}; "
                f"their extent is at most {most}"
            )
        extents.append((dim, tensor.shape[own]))
        windows.append((dim, own, tensor.shape[own]))
    return Windows(tuple(extents), tuple(windows))


def _reached(port: Port, access: Access, dim: int) -> tuple[int, int]:
    """Least and largest index that the comparators see."""
    plan = port.plan
    space, time = list(plan.space[dim]), list(plan.time[dim])
    moves, counts = [], []
    for axis, counter, bound in access.ragged:
        if time[counter] == access.covers[axis] * space[axis]:
            moves.append(space[axis])
            counts.append(bound)
            space[axis] = time[counter] = 0
    low, high = reach([*moves, *time, *space], [*counts, *access.trips, *access.covers])
    return low + plan.offset[dim], high + plan.offset[dim]


def _alike(port: Port, access: Access, tensor: Tensor, dim: int) -> Iterator[int]:
    """Dimensions of the operation's tensor whose index is the chip's."""
    plan = port.plan
    if not isinstance(plan, OutputPlan) and tensor.pad != plan.tensor.pad:
        return
    for i, first in enumerate(access.first):
        if first == plan.offset[dim] and all(
            step is None or step[i] == wired
            for steps, row in ((access.time, plan.time[dim]), (access.axes, plan.space[dim]))
            for step, wired in zip(steps, row, strict=True)
        ):
            yield i
