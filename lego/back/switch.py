"""Distribution switches for banks that meet several data nodes.

At any one timestamp node ``x`` (its offset in digits) meets bank ``(x + q) mod B`` per dimension, where the
digit ``q`` may change with the timestamp: a rotation. A rotator needs a multiplexer per bank and bit of
every moving digit; a crossbar one per node and further bank that the node can meet. A butterfly routes
rotations with as many multiplexers as a rotator, and needs a select per multiplexer besides, so it
never pays here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from lego.back.bank_view import BankView
from lego.back.builder import Builder, index_bits
from lego.ir.adg import Fu
from lego.ir.dag import Op

__all__ = ["Banks", "crossbar_cost", "rotator_cost", "turned"]

Digits = tuple[int, ...]


class Banks:
    """The box of banks of one dataflow, as digits per dimension."""

    def __init__(self, b: Builder, view: BankView) -> None:
        self.b, self.view = b, view
        self.counts = view.plan.banking.counts

    def box(self) -> list[Digits]:
        """All banks, in their numbers' order."""
        return list(itertools.product(*(range(count) for count in self.counts)))

    def to_nodes(
        self, words: Sequence[int], moving: Mapping[int, int], crossbar: bool
    ) -> dict[Fu, int]:
        """The word of the bank that each node meets."""
        lanes = {bank: words[self.view.flat(bank)] for bank in self.box()}
        lanes = self._shift(lanes, {j: -self.view.first[j] for j in self._still()})
        wanted = {fu: self._offset(fu) for fu in self.view.nodes}
        if crossbar:
            return {fu: self._cross(lanes, at, moving) for fu, at in wanted.items()}
        lanes = self._rotate(lanes, moving, -1)
        return {fu: lanes[at] for fu, at in wanted.items()}

    def to_banks(
        self, values: Mapping[Digits, int], moving: Mapping[int, int]
    ) -> dict[Digits, int]:
        """Move each node's value, by offset, to the bank that it meets; zero elsewhere."""
        lanes = dict.fromkeys(self.box(), self.b.const(0))
        for offset, value in values.items():
            lanes[self._wrapped(offset)] = value
        lanes = self._shift(lanes, {j: self.view.first[j] for j in self._still()})
        return self._rotate(lanes, moving, 1)

    def _still(self) -> list[int]:
        return [j for j, n in enumerate(self.counts) if n > 1 and j not in self.view.moving]

    def place(self, fu: Fu) -> Digits:
        """Where the node of `fu` finds its word behind a rotator: its offset, per dimension with several banks."""
        offset = self._offset(fu)
        return tuple(x for x, count in zip(offset, self.counts, strict=True) if count > 1)

    def _offset(self, fu: Fu) -> Digits:
        return self._wrapped(self.view.offset(fu))

    def _wrapped(self, offset: Digits) -> Digits:
        return tuple(x % count for x, count in zip(offset, self.counts, strict=True))

    def _shift(self, lanes: Mapping[Digits, int], by: Mapping[int, int]) -> dict[Digits, int]:
        """Rotate by constants: wires."""
        shift = [by.get(j, 0) for j in range(len(self.counts))]
        return {
            at: lanes[self._wrapped(tuple(x - d for x, d in zip(at, shift, strict=True)))]
            for at in lanes
        }

    def _rotate(
        self, lanes: Mapping[Digits, int], moving: Mapping[int, int], sign: int
    ) -> dict[Digits, int]:
        """Move every value by `sign` times the digit along each moving dimension."""
        values = dict(lanes)
        for j, digit in sorted(moving.items()):
            for bit in range(index_bits(self.counts[j])):
                select = self.b.slice(digit, bit, 1)
                before = self._shift(values, {j: sign * (1 << bit)})
                values = {at: self.b.mux(select, before[at], value) for at, value in values.items()}
        return values

    def _cross(self, lanes: Mapping[Digits, int], at: Digits, moving: Mapping[int, int]) -> int:
        """Select among the banks that one node can meet."""
        found: dict[Digits, int] = {}
        dims = sorted(moving)
        for turn in itertools.product(*(range(self.counts[j]) for j in dims)):
            by = dict(zip(dims, turn, strict=True))
            bank = tuple((x + by.get(j, 0)) % n for j, (x, n) in enumerate(zip(at, self.counts, strict=True)))  # fmt: skip
            found[turn] = lanes[bank]
        for k in range(len(dims) - 1, -1, -1):
            count = self.counts[dims[k]]
            found = {
                head: self.b.select(
                    moving[dims[k]], index_bits(count), [found[*head, v] for v in range(count)]
                )
                for head in sorted({key[:-1] for key in found})
            }
        return found[()]


def turned(
    b: Builder, words: Sequence[int], counts: Sequence[int], digits: Sequence[int]
) -> dict[Digits, int]:
    """The words of a box of banks after one rotator, which turns each dimension by a digit; a digit that is a constant
    costs wires only."""
    box = itertools.product(*(range(count) for count in counts))
    values = dict(zip(box, words, strict=False))
    for j, (count, digit) in enumerate(zip(counts, digits, strict=True)):
        for bit in range(index_bits(count)):
            ahead = {
                at: values[(*at[:j], (at[j] + (1 << bit)) % count, *at[j + 1 :])] for at in values
            }
            if b.nodes[digit].op is Op.CONST:
                values = ahead if b.nodes[digit].value >> bit & 1 else values
            else:
                select = b.slice(digit, bit, 1)
                values = {at: b.mux(select, ahead[at], value) for at, value in values.items()}
    return values


def rotator_cost(view: BankView) -> int:
    """Two-input multiplexers of a rotator, per bit of a word."""
    counts = view.plan.banking.counts
    return math.prod(counts) * sum(index_bits(counts[j]) for j in view.moving)


def crossbar_cost(view: BankView) -> int:
    """Two-input multiplexers of a crossbar with only the routes needed, per bit of a word."""
    counts = view.plan.banking.counts
    return len(view.nodes) * (math.prod(counts[j] for j in view.moving) - 1)
