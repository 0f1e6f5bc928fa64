"""Where a tensor's elements lie in the banks of a memory: the one place that says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Layout", "bank_of", "word_of"]

Number = TypeVar("Number", int, "NDArray[np.int64]")
"""An index along a dimension, or many of them."""


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
) -> Number | int:
    """The bank of an element: per dimension digit ``(d // g + skew . element) % B``, the last one lowest."""
    bank: Number | int = 0
    for d, count, g, skew in zip(element, counts, gcds, skews, strict=True):
        digit: Number | int = d // g
        for a, x in zip(skew, element, strict=True):
            if a:
                digit = digit + x * a
        bank = bank * count + digit % count
    return bank


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a tensor's elements lie in the operand's banks.

    Attributes
    ----------
    memory : the memory's name.
    bits : the tensor's word, in the low bits of the memory's.
    bank_counts, gcds, skews : per dimension, see :func:`bank_of`.
    strides : in words, per dimension, see :func:`word_of`.
    base : the tensor's first word in its banks.
    preload : the value that the host writes everywhere before the start, if any.
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

    def __post_init__(self) -> None:
        if min(self.bits, self.base + 1, *self.shape, *self.bank_counts, *self.gcds) < 1:
            raise ValueError(f"the layout of {self.tensor[:40]!r} has a number that is too small")

    def word(self, element: Sequence[Number]) -> Number | int:
        """The word of an element in its bank."""
        return word_of(element, self.bank_counts, self.gcds, self.strides) + self.base

    def bank(self, element: Sequence[Number]) -> Number | int:
        """The bank of an element."""
        return bank_of(element, self.bank_counts, self.gcds, self.skews)
