"""Where a bound operation's elements lie: the map from a chip's indices to elements."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Digit", "Placement"]

Vector = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Digit:
    """A part of an index that is read like a digit of a number.

    Attributes
    ----------
    count : values.
    weight : what one of it adds to the index in the dimension that has the digits.
    step : what one of it adds to the element, per dimension, in units of ``1 / scale``.
    move : what one of it adds to the index apart from its own digit; nothing where a matrix tells elements.
    """

    count: int
    weight: int
    step: Vector
    move: Vector = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """The operand as the chip has it: index ``v = A t + F_S s + b`` of timestamp `t` and FU `s`, and the
    element there.

    In dimension `packed`, the index is ``v0`` and the digits' values times their weights, the largest first;
    ``v0 - low`` is below the least. The element is ``(matrix v0 + constant) / scale``, and the digits' steps.

    Attributes
    ----------
    time : ``A``: a row per dimension, a column per counter.
    base : ``b``.
    shape : indices per dimension; those that nobody uses are among them.
    words : of a bank.
    matrix : a row per dimension of the operation's tensor, a column per dimension of the chip's.
    table : by index from `origin` on, what is added to the element, where no matrix tells it.
    extents : what registers of comparators get, by dimension.
    padded : whether the chip's comparators make the pads.
    """

    time: tuple[Vector, ...]
    space: tuple[Vector, ...]
    base: Vector
    shape: Vector
    words: int
    packed: int
    low: int
    digits: tuple[Digit, ...]
    matrix: tuple[Vector, ...]
    constant: Vector
    scale: int
    table: tuple[tuple[Vector, Vector], ...] = ()
    origin: Vector = ()
    extents: tuple[tuple[int, int], ...] = ()
    padded: bool = False

    def index(self, t: Vector, s: Vector) -> Vector:
        """The index of a timestamp and an FU."""
        return tuple(
            sum(a * x for a, x in zip(row_t, t, strict=True))
            + sum(a * x for a, x in zip(row_s, s, strict=True))
            + b
            for row_t, row_s, b in zip(self.time, self.space, self.base, strict=True)
        )

    def element(self, index: Vector) -> Vector | None:
        """The element at an index, which may lie outside its tensor; None where none is."""
        own, total, moved = list(index), list(self.constant), [0] * len(index)
        for digit in self.digits:
            value, rest = divmod(own[self.packed] - self.low, digit.weight)
            if not 0 <= value < digit.count:
                return None
            own[self.packed] = self.low + rest
            total = [a + value * step for a, step in zip(total, digit.step, strict=True)]
            if digit.move:
                moved = [v + value * a for v, a in zip(moved, digit.move, strict=True)]
        own = list(map(operator.sub, own, moved))
        return self._listed(own, total) if self.table else self._moved(own, total)

    def _listed(self, own: Sequence[int], total: Sequence[int]) -> Vector | None:
        """The element by the table, from what digits tell."""
        wired = tuple(v - b for v, b in zip(own, self.origin, strict=True))
        steps = next((step for index, step in self.table if index == wired), None)
        return None if steps is None else tuple(map(operator.add, total, steps))

    def _moved(self, own: Sequence[int], total: Sequence[int]) -> Vector | None:
        """The element by the matrix, from what digits tell."""
        total = [
            a + sum(m * v for m, v in zip(row, own, strict=True))
            for a, row in zip(total, self.matrix, strict=True)
        ]
        if any(a % self.scale for a in total):
            return None
        return tuple(a // self.scale for a in total)
