"""How an operation, spread over counters and axes, reaches an operand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Access"]

Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """How an operation, spread over counters and axes, reaches an operand.

    Attributes
    ----------
    time : element per step of each counter, None where the counter has one trip.
    axes : element per step along each axis, None where one FU of it is used.
    first : the element of timestamp and FU zero.
    trips, covers : steps of each counter, and FUs per axis, that the placement holds.
    ragged : (axis, counter, bound): FUs count where ``covers[axis] * counter + s`` is below the bound.
    others : (index, element) of FUs without iterations whose values serve others, from those of FU zero.
    reuses : (timestamps, FUs) by which values travel.
    free : address steps aren't wired.
    windows : (dimension, tensor's dimension, extent): the chip compares with an extent, and makes the pads.
    merges : iterations that differ in what moves the element meet in one.
    """

    time: tuple[Vector | None, ...]
    axes: tuple[Vector | None, ...]
    first: Vector
    trips: Vector
    covers: Vector
    ragged: tuple[tuple[int, int, int], ...] = ()
    free: bool = False
    windows: tuple[tuple[int, int, int], ...] = ()
    merges: bool = False
    others: tuple[tuple[Vector, Vector], ...] = ()
    reuses: tuple[tuple[Vector, Vector], ...] = ()
