"""How one layer's data nodes meet the banks of a memory.

Element ``d`` lies in bank digit ``(d // g) mod B`` per dimension. A digit *moves* if it changes with
the timestamp. Nodes whose unmoving digits differ pairwise never share a bank: each bank is *private* to one
node, and everything but the moving digits is known at compile time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lego.ir.adg import Adg, Fu
from lego.ir.fused import Plan

__all__ = ["BankView", "Slot"]

Carries = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One bank that a node may meet: its index, the moving digits when it does, row carries."""

    bank: int
    digits: tuple[tuple[int, int], ...]
    carries: Carries


@dataclass(frozen=True)
class BankView:
    """Geometry of one operand's data nodes; everything is computed from the plan, once."""

    adg: Adg
    plan: Plan
    _slots: dict[Fu, tuple[Slot, ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def nodes(self) -> tuple[Fu, ...]:
        """FUs with a data node."""
        return self.adg.data_nodes(self.plan)

    @cached_property
    def moving(self) -> tuple[int, ...]:
        """Dimensions whose bank digit changes with the timestamp."""
        b = self.plan.banking
        return tuple(
            j
            for j, (row, g, count) in enumerate(zip(self.plan.time, b.gcds, b.counts, strict=True))
            if count > 1 and any(step % (g * count) for step in row)
        )

    @cached_property
    def first(self) -> tuple[int, ...]:
        """Digit of the least element at timestamp zero."""
        b = self.plan.banking
        return tuple(
            (f + o) // g % count
            for f, o, g, count in zip(self.plan.offset, b.origin, b.gcds, b.counts, strict=True)
        )

    def offset(self, fu: Fu) -> tuple[int, ...]:
        """Digits by which the node of `fu` is ahead of the least element."""
        b = self.plan.banking
        return tuple(
            (sum(a * s for a, s in zip(row, fu, strict=True)) - origin) // g
            for row, origin, g in zip(self.plan.space, b.origin, b.gcds, strict=True)
        )

    @cached_property
    def private(self) -> bool:
        """Whether no bank meets two nodes, at any timestamps."""
        seen = set()
        counts = self.plan.banking.counts
        for fu in self.nodes:
            seen.add(
                tuple(
                    (f + x) % count
                    for j, (f, x, count) in enumerate(
                        zip(self.first, self.offset(fu), counts, strict=True)
                    )
                    if j not in self.moving
                )
            )
        return len(seen) == len(self.nodes)

    def flat(self, digits: tuple[int, ...]) -> int:
        """Bank number of a digit per dimension."""
        index = 0
        for digit, count in zip(digits, self.plan.banking.counts, strict=True):
            index = index * count + digit
        return index

    def slots(self, fu: Fu) -> tuple[Slot, ...]:
        """The banks that the node of `fu` may meet, if banks are private."""
        if fu not in self._slots:
            self._slots[fu] = tuple(self._met(fu))
        return self._slots[fu]

    def _met(self, fu: Fu) -> Iterator[Slot]:
        counts, x = self.plan.banking.counts, self.offset(fu)
        for turn in itertools.product(*(range(counts[j]) for j in self.moving)):
            digits = dict(zip(self.moving, turn, strict=True))
            total = [digits.get(j, self.first[j]) + x[j] for j in range(len(counts))]
            yield Slot(
                self.flat(tuple(n % count for n, count in zip(total, counts, strict=True))),
                tuple(digits.items()),
                tuple(
                    (j, n // count)
                    for j, (n, count) in enumerate(zip(total, counts, strict=True))
                    if n // count
                ),
            )

    @cached_property
    def variants(self) -> tuple[Carries, ...]:
        """Distinct row carries of private banks, sorted."""
        if not self.private:
            return ((),)  # the switch adds the rows
        return tuple(sorted({slot.carries for fu in self.nodes for slot in self.slots(fu)}))

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Dimensions whose row stride the address generator needs."""
        carried = {j for carries in self.variants for j, _ in carries}
        if not self.private:
            counts = self.plan.banking.counts
            carried = {j for j, digit in enumerate(self.first) if digit and counts[j] > 1}
        return tuple(j for j in range(len(self.first)) if j in self.moving or j in carried)
