"""A short FIFO of registers inside a module; its first word is there without a cycle of reading."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder
from lego.diag import InternalError
from lego.ir.dag import Op, index_bits

__all__ = ["Fifo"]


class Fifo:
    """A FIFO of `words` words, a power of two.

    First make one, then :meth:`put` what enters, then say with :meth:`take` when the first word leaves.

    Attributes
    ----------
    empty, full : one bit each, as of the beginning of the cycle.
    first, next : numbers of the places that the first word has and the next one gets.
    """

    def __init__(self, b: Builder, words: int, name: str) -> None:
        if words < 2 or words & words - 1:
            raise InternalError(f"a FIFO of {words} words isn't built")
        self._b, self._words, self._name = b, words, name
        self._held = b.reg((0, words), name=f"{name}_held")
        self.next = b.reg((0, words - 1), name=f"{name}_last")
        self.first = b.reg((0, words - 1), name=f"{name}_first")
        self._enters = b.const(0)
        self.empty = b.eq(self._held, b.const(0))
        self.full = b.eq(self._held, b.const(words))

    def put(self, parts: Sequence[int], enters: int) -> list[int]:
        """Store `parts` in cycles of `enters`, never when full; returns the parts of the first word."""
        b = self._b
        self._enters = enters
        here = [b.all([enters, b.eq(self.next, b.const(k))]) for k in range(self._words)]
        found = []
        for number, part in enumerate(parts):
            span = b.nodes[part].range
            each = [
                b.reg(span, name=f"{self._name}{k}_{number}", resets=False)
                for k in range(self._words)
            ]
            for register, now in zip(each, here, strict=True):
                b.drive(register, part, now)
            found.append(b.select(self.first, index_bits(self._words), each))
        return found

    def take(self, leaves: int, clears: int) -> None:
        """The first word leaves in cycles of `leaves`, all words in cycles of `clears`."""
        b, zero = self._b, self._b.const(0)
        counted = b.op(Op.SUB, b.add(self._held, self._enters), leaves)
        b.drive(self._held, b.mux(clears, zero, b.wrap(counted, (0, self._words))))
        for pointer, moves in ((self.next, self._enters), (self.first, leaves)):
            moved = b.wrap(b.add(pointer, b.const(1)), (0, self._words - 1))
            b.drive(pointer, b.mux(clears, zero, moved), b.any([clears, moves]))
        b.check(b.invert(self.full), self._enters)
        b.check(b.invert(self.empty), leaves)
