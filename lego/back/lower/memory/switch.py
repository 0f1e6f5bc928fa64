"""Distribution switches as primitives: rotators and crossbars, of multiplexers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from lego.back.graph.builder import Builder
from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.switch import turns_of
from lego.ir.adg import Fu

__all__ = ["Banks", "Digits", "turned"]


Digits = tuple[int, ...]


class Banks:
    """The box of banks of one dataflow, as digits per dimension.

    `narrow`: switches route only what nodes meet. What tells the amounts is given per dimension that turns.
    """

    def __init__(self, b: Builder, view: BankView, *, narrow: bool) -> None:
        self.b, self.view = b, view
        self.counts = view.plan.banking.counts
        self.turns = turns_of(view, narrow=narrow)

    def box(self) -> list[Digits]:
        """All banks."""
        return list(itertools.product(*(range(count) for count in self.counts)))

    def to_nodes(
        self, words: Sequence[int], amounts: Mapping[int, int], crossbar: bool
    ) -> dict[Fu, int]:
        """The word of the bank that each node meets."""
        lanes = {bank: words[self.view.flat(bank)] for bank in self.box()}
        lanes = self._shift(lanes, [-turn.low for turn in self.turns])
        wanted = {fu: self._offset(fu) for fu in self.view.nodes}
        if crossbar:
            return {fu: self._cross(lanes, at, amounts) for fu, at in wanted.items()}
        lanes = self._rotate(lanes, amounts, -1)
        return {fu: lanes[at] for fu, at in wanted.items()}

    def to_banks(
        self, values: Mapping[Digits, int], amounts: Mapping[int, int]
    ) -> dict[Digits, int]:
        """Move each node's value, by offset, to the bank that it meets; zero elsewhere."""
        lanes = dict.fromkeys(self.box(), self.b.const(0))
        for offset, value in values.items():
            lanes[self._wrapped(offset)] = value
        lanes = self._shift(lanes, [turn.low for turn in self.turns])
        return self._rotate(lanes, amounts, 1)

    def place(self, fu: Fu) -> Digits:
        """Where the node of `fu` finds its word behind a rotator for several dataflows, per dimension with
        several banks.
        """
        ahead = zip(self._offset(fu), self.turns, strict=True)
        return tuple((x + turn.low) % turn.count for x, turn in ahead if turn.count > 1)

    def _offset(self, fu: Fu) -> Digits:
        return self._wrapped(self.view.offset(fu))

    def _wrapped(self, offset: Digits) -> Digits:
        return tuple(x % count for x, count in zip(offset, self.counts, strict=True))

    def _shift(self, lanes: Mapping[Digits, int], by: Sequence[int]) -> dict[Digits, int]:
        """Rotate by constants: wires."""
        return {
            at: lanes[self._wrapped(tuple(x - d for x, d in zip(at, by, strict=True)))]
            for at in lanes
        }

    def _rotate(
        self, lanes: Mapping[Digits, int], amounts: Mapping[int, int], sign: int
    ) -> dict[Digits, int]:
        """Move every value by `sign` times the amount along each dimension that turns."""
        values = dict(lanes)
        for j, turn in enumerate(self.turns):
            for bit in range(turn.bits):
                select = self.b.slice(amounts[j], bit, 1)
                by = [sign * (i == j) << (bit + turn.start) for i in range(len(self.counts))]
                before = self._shift(values, by)
                values = {at: self.b.mux(select, before[at], value) for at, value in values.items()}
        return values

    def _cross(self, lanes: Mapping[Digits, int], at: Digits, amounts: Mapping[int, int]) -> int:
        """Select among the banks that one node can meet."""
        dims = [j for j, turn in enumerate(self.turns) if turn.bits]
        found: dict[Digits, int] = {}
        for met in itertools.product(*(self.turns[j].values for j in dims)):
            by = dict(zip(dims, met, strict=True))
            ahead = [by.get(j, 0) << turn.start for j, turn in enumerate(self.turns)]
            found[met] = lanes[self._wrapped(tuple(x + d for x, d in zip(at, ahead, strict=True)))]
        for j in reversed(dims):
            turn = self.turns[j]
            found = {
                head: self.b.select(
                    amounts[j], turn.bits, _filled({v: found[*head, v] for v in turn.values})
                )
                for head in sorted({key[:-1] for key in found})
            }
        return found[()]


def _filled(values: Mapping[int, int]) -> list[int]:
    """The values by index; at an index that never occurs, that of the next one, which costs nothing."""
    following = iter(sorted(values))
    at = next(following)
    found = []
    for index in range(max(values) + 1):
        found.append(values[at])
        if index == at:
            at = next(following, at)
    return found


def turned(
    b: Builder,
    words: Mapping[Digits, int],
    counts: Sequence[int],
    selects: Sequence[Mapping[int, int]],
) -> dict[Digits, int]:
    """The words of a box of banks, by digits, after one rotator;

    `selects` tells per dimension and bit of the distance in banks whether to turn.
    """
    values = dict(words)
    for j, (count, stages) in enumerate(zip(counts, selects, strict=True)):
        for bit, select in sorted(stages.items()):
            values = {
                at: b.mux(
                    select, values[(*at[:j], (at[j] + (1 << bit)) % count, *at[j + 1 :])], value
                )
                for at, value in values.items()
            }
    return values
