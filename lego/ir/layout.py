"""Where a tensor's elements lie in the banks of a memory: the one place that says it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sympy import Expr

__all__ = ["Layout", "bank_number", "bank_of", "moved", "n_banks", "word_of"]

Number = TypeVar("Number", int, "NDArray[np.int64]")
"""An index along a dimension, or many of them."""

Index = TypeVar("Index", int, "NDArray[np.int64]", "Expr")
"""The same, or a formula."""


def moved(element: Sequence[Index], along: int, shift: int) -> tuple[Index, ...]:
    """The index by which an element lies in a bank and row: its own, `shift` more along one dimension."""
    if not shift:
        return tuple(element)
    return tuple(d + shift if j == along else d for j, d in enumerate(element))


def word_of(
    element: Sequence[Number], counts: Sequence[int], gcds: Sequence[int], strides: Sequence[int]
) -> Number | int:
    """The word of an element in its bank, from the tensor's first word there.

    Index ``d`` of a dimension with ``B`` banks and gcd ``g`` has row ``d // (g B) * g + d % g``; rows are
    multiplied by `strides`.
    """
    total: Number | int = 0
    for d, count, g, stride in zip(element, counts, gcds, strides, strict=True):
        total = total + (d // (g * count) * g + d % g) * stride
    return total


def bank_of(
    element: Sequence[Number],
    counts: Sequence[int],
    gcds: Sequence[int],
    skews: Sequence[Sequence[int]],
    wide: int = 1,
    along: int = -1,
) -> Number | int:
    """The bank of an element, of its digits ``(d // g + skew . element) % B`` (see :func:`bank_number`)."""
    digits: list[Number | int] = []
    for d, count, g, skew in zip(element, counts, gcds, skews, strict=True):
        digit: Number | int = d // g
        for a, x in zip(skew, element, strict=True):
            if a:
                digit = digit + x * a
        digits.append(digit % count)
    return bank_number(digits, counts, wide, along)


def bank_number(
    digits: Sequence[Number | int], counts: Sequence[int], wide: int = 1, along: int = -1
) -> Number | int:
    """The number of the bank with a digit per dimension: macros one after another, in each its `wide` banks.

    The lowest part of digit `along` tells the bank within its macro, where `along` is a dimension. What is
    left of the digits tells the macro, the last dimension's lowest.
    """
    macro: Number | int = 0
    lane: Number | int = 0
    for j, (digit, count) in enumerate(zip(digits, counts, strict=True)):
        if j == along:
            macro, lane = macro * (count // wide) + digit // wide, digit % wide
        else:
            macro = macro * count + digit
    return macro * wide + lane


def n_banks(counts: Sequence[int], wide: int = 1, along: int = -1) -> int:
    """Banks, with those of a macro that no element lies in, as `along` is no dimension."""
    return math.prod(counts) * (1 if along >= 0 else wide)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a tensor's elements lie in the operand's banks.

    Attributes
    ----------
    memory : the memory's name.
    bits : the tensor's word, in the low bits of the memory's.
    bank_counts, gcds, skews, wide, along : of the banks, see :func:`bank_of`.
    strides : in words, per dimension, see :func:`word_of`.
    base : the tensor's first word in its banks.
    preload : the value that the host writes everywhere before the start, if any.
    shift : added to an index along `along`, before it tells bank and word (see :func:`moved`).
    """

    memory: str
    tensor: str
    bits: int
    shape: tuple[int, ...]
    bank_counts: tuple[int, ...]
    gcds: tuple[int, ...]
    skews: tuple[tuple[int, ...], ...]
    strides: tuple[int, ...]
    base: int
    preload: int | None
    wide: int = 1
    along: int = -1
    shift: int = 0

    def __post_init__(self) -> None:
        if min(self.bits, self.base + 1, *self.shape, *self.bank_counts, *self.gcds) < 1:
            raise ValueError(f"the layout of {self.tensor[:40]!r} has a number that is too small")

    def word(self, element: Sequence[Number]) -> Number | int:
        """The word of an element in its bank."""
        place = moved(element, self.along, self.shift)
        return word_of(place, self.bank_counts, self.gcds, self.strides) + self.base

    def bank(self, element: Sequence[Number]) -> Number | int:
        """The bank of an element."""
        place = moved(element, self.along, self.shift)
        return bank_of(place, self.bank_counts, self.gcds, self.skews, self.wide, self.along)

    @property
    def n_banks(self) -> int:
        """Banks, up to the last one in which there may be an element."""
        return n_banks(self.bank_counts, self.wide, self.along)
