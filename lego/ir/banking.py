"""Bank functions: in which bank of a memory an element lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lego.ir.closed import Number, ceil_div
from lego.ir.layout import bank_number, moved, n_banks

__all__ = ["Banking"]


@dataclass(frozen=True, slots=True)
class Banking:
    """Affine bank function of one operand's memory.

    Element ``d`` lies, per dimension ``j``, in bank digit ``(d_j // g_j + skew_j . d) mod B_j``, with `shift`
    added to ``d_along``. Only dimensions with one bank have non-zero skews: bank and row tell the element.
    Data node ``s`` touches ``d = u(t) + kappa(s)``.

    Attributes
    ----------
    counts : ``B`` per tensor dimension, >= 1.
    gcds : ``g`` per tensor dimension, >= 1; 1 where the dimension has one bank.
    skews : ``skew`` per tensor dimension; zeros where the dimension has one bank.
    origin : least ``kappa`` per tensor dimension (elements).
    fixed : every data node always meets the same bank, whatever the timestamp.
    lag, per : a data node uses its bank ``lag . s // per`` cycles later than the first one does at the
        same timestamp; an empty `lag`: all at once.
    shared : banks serve several data nodes, each in a cycle of its own.
    pause : innermost counters after whose round the next timestamp may have to wait, so that no two
        data nodes use one bank in one cycle; 0: it never has to.
    apart : most cycles by which two data nodes that share a bank are apart.
    again : trips of the innermost counter after which nodes are back at their banks; 0: it doesn't move them.
    wide : banks side by side in one macro, whose words have so many elements; the same for all tensors in
        a memory.
    along : dimension along which the banks of a macro lie, whose count `wide` divides; -1: none, only the
        first bank of each macro is used.
    shift : added to an index along that dimension, before its digit and row are taken, so that windows of
        data nodes begin with a macro; elements.
    skip : where data nodes turn over macros, those are read at the rows of a window that begins with the
        macro of the bank so many after the least element's; fewer than `wide`.
    """

    counts: tuple[int, ...]
    gcds: tuple[int, ...]
    skews: tuple[tuple[int, ...], ...]
    origin: tuple[int, ...]
    fixed: bool
    lag: tuple[int, ...] = ()
    per: int = 1
    shared: bool = False
    pause: int = 0
    apart: int = 0
    again: int = 0
    wide: int = 1
    along: int = -1
    shift: int = 0
    skip: int = 0

    def phase(self, fu: tuple[int, ...]) -> int:
        """Cycles by which the data node of an FU uses its bank later than the first."""
        return sum(a * s for a, s in zip(self.lag, fu, strict=False)) // self.per

    @property
    def n_banks(self) -> int:
        """Number of banks."""
        return n_banks(self.counts, self.wide, self.along)

    def bank(self, digits: Sequence[int]) -> int:
        """Number of the bank with these digits, modulo the counts."""
        return bank_number(digits, self.counts, self.wide, self.along)

    def moved(self, element: tuple[int, ...]) -> tuple[int, ...]:
        """The index of which an element's digits and row are taken."""
        return moved(element, self.along, self.shift)

    def digits(self, element: tuple[int, ...]) -> tuple[int, ...]:
        """Bank digits of an index as :meth:`moved`, or of a distance, not yet modulo the counts."""
        return tuple(
            d // g + sum(a * x for a, x in zip(skew, element, strict=True))
            for d, g, skew in zip(element, self.gcds, self.skews, strict=True)
        )

    def rows(self, shape: tuple[Number, ...]) -> tuple[Number, ...]:
        """Words per dimension that one bank keeps of a tensor of this shape."""
        return tuple(
            ceil_div(extent, g * b) * g
            for extent, g, b in zip(
                moved(shape, self.along, self.shift), self.gcds, self.counts, strict=True
            )
        )

    def depth(self, shape: tuple[Number, ...]) -> Number:
        """Words per bank."""
        return math.prod(self.rows(shape))

    def strides(self, shape: tuple[Number, ...]) -> tuple[Number, ...]:
        """Words per step of each dimension's row index; the last dimension is contiguous."""
        rows = self.rows(shape)
        return tuple(math.prod(rows[j + 1 :]) for j in range(len(rows)))
