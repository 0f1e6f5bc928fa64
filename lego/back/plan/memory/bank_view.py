"""How one layer's data nodes meet the banks of a memory.

Element ``d`` lies in bank digit ``(d_j // g_j + skew_j . d) mod B_j`` per dimension. A digit *moves* if it
changes with the timestamp. Nodes whose unmoving digits differ pairwise never share a bank: each bank is
*private* to one node, and everything but the moving digits is known at compile time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from lego.diag import InternalError
from lego.ir.adg import Adg, Fu, OutputPlan
from lego.ir.fused import Plan
from lego.ir.words import Lanes, Word, added_steps, lanes_of, moving_dims, turning_dims, words_of
from lego.ir.written import written_words

__all__ = ["BankSlot", "BankView", "Carries", "Mode", "Views"]

Carries = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class BankSlot:
    """One bank that a node may meet: its index, the moving digits when it does, row carries."""

    bank: int
    digits: tuple[tuple[int, int], ...]
    carries: Carries


class Mode(StrEnum):
    """How a dataflow's nodes meet the banks."""

    PRIVATE = "private"  # no bank meets two nodes; what a bank does is known per digit
    IN_TURN = "in turn"  # nodes meet banks in cycles of their own, a bank one at a time
    TURNING = "turning"  # nodes turn over the banks; the row's carry follows the bank
    LANES = "lanes"  # nodes turn over the banks, and their addresses with them


@dataclass(frozen=True)
class BankView:
    """Geometry of one operand's data nodes; everything is computed from the plan, once."""

    adg: Adg
    plan: Plan
    _slots: dict[Fu, tuple[BankSlot, ...]] = field(default_factory=dict, compare=False)
    _places: dict[Fu, tuple[int, ...]] = field(default_factory=dict, compare=False)
    _offsets: dict[Fu, tuple[int, ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def nodes(self) -> tuple[Fu, ...]:
        """FUs with a data node."""
        return self.adg.data_nodes(self.plan)

    @cached_property
    def turning(self) -> tuple[int, ...]:
        """Dimensions whose own index, without skews, moves its digit and so carries into the row."""
        return turning_dims(self.plan.banking, self.plan.time)

    @cached_property
    def moving(self) -> tuple[int, ...]:
        """Dimensions whose bank digit changes with the timestamp."""
        return moving_dims(self.plan.banking, self.plan.time)

    def added_steps(self, dim: int) -> tuple[int, ...]:
        """What the skews add to a digit per step of each counter."""
        return added_steps(self.plan.banking.skews[dim], self.plan.time)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words that nodes read."""
        return words_of(self.adg, self.plan)

    @cached_property
    def written(self) -> tuple[tuple[Fu, ...], ...]:
        """The words that nodes write, by the nodes of each."""
        if not isinstance(self.plan, OutputPlan):
            raise InternalError(f"{self.plan.name} isn't written")
        return tuple(written_words(self.adg, self.plan))

    @cached_property
    def lanes(self) -> Lanes | None:
        """How nodes meet the lanes of macros; None where each macro has one bank that is used, or nodes
        meet macros in cycles of their own."""
        places = [self.place(fu) for fu in self.nodes]
        shared = self.plan.banking.shared
        return None if shared else lanes_of(self.plan.banking, self.plan.time, self.least, places)

    @cached_property
    def lead(self) -> Mapping[Fu, int]:
        """Cycles after a timestamp's issue at which control reaches the first node of each node's word."""
        skew = self.adg.dataflow.skew
        return {fu: min(map(skew, word.nodes)) for word in self.words for fu in word.nodes}

    @cached_property
    def least(self) -> tuple[int, ...]:
        """The least element at timestamp zero."""
        return tuple(f + o for f, o in zip(self.plan.offset, self.plan.banking.origin, strict=True))

    @cached_property
    def start(self) -> tuple[int, ...]:
        """The index by which the least element at timestamp zero lies in its bank and row."""
        return self.plan.banking.moved(self.least)

    @cached_property
    def first(self) -> tuple[int, ...]:
        """Bank digit of the least element at timestamp zero."""
        b = self.plan.banking
        digits = b.digits(self.start)
        return tuple(d % count for d, count in zip(digits, b.counts, strict=True))

    def shift(self, fu: Fu) -> tuple[int, ...]:
        """Elements per dimension by which the node of `fu` is ahead of the first FU, ``F_S s``."""
        return tuple(sum(a * s for a, s in zip(row, fu, strict=True)) for row in self.plan.space)

    def place(self, fu: Fu) -> tuple[int, ...]:
        """Elements by which the node of `fu` is ahead of the least one."""
        if fu not in self._places:
            self._places[fu] = tuple(
                sum(a * s for a, s in zip(row, fu, strict=True)) - origin
                for row, origin in zip(self.plan.space, self.plan.banking.origin, strict=True)
            )
        return self._places[fu]

    def offset(self, fu: Fu) -> tuple[int, ...]:
        """Bank digits by which the node of `fu` is ahead, modulo the counts."""
        if fu not in self._offsets:
            b = self.plan.banking
            digits = b.digits(self.place(fu))
            self._offsets[fu] = tuple(d % n for d, n in zip(digits, b.counts, strict=True))
        return self._offsets[fu]

    @cached_property
    def mode(self) -> Mode:
        """How the nodes meet the banks."""
        b = self.plan.banking
        level = all(self.place(fu)[j] == 0 for fu in self.nodes for j in self.turning)
        still = [j for j in range(len(b.counts)) if j not in self.moving]
        met = {tuple(self.offset(fu)[j] for j in still) for fu in self.nodes}
        skewed = any(any(b.skews[j]) for j in self.turning)
        if b.shared:
            return Mode.IN_TURN
        if len(met) == len(self.nodes) and (level or not skewed):
            return Mode.PRIVATE
        within = all(
            x // g < n
            for fu in self.nodes
            for x, g, n in zip(self.place(fu), b.gcds, b.counts, strict=True)
        )
        if within and not any(map(any, b.skews)):
            return Mode.TURNING
        if level:
            return Mode.LANES
        raise InternalError(f"no switch serves the banks of {self.plan.name}")

    @property
    def private(self) -> bool:
        """Whether no bank meets two nodes, at any timestamps."""
        return self.mode is Mode.PRIVATE

    @property
    def timed(self) -> bool:
        """Whether nodes meet banks when control reaches them, and not all at once."""
        return self.mode in (Mode.PRIVATE, Mode.IN_TURN)

    def flat(self, digits: tuple[int, ...]) -> int:
        """Bank number of a digit per dimension."""
        return self.plan.banking.bank(digits)

    def slots(self, fu: Fu) -> tuple[BankSlot, ...]:
        """The banks that the node of `fu` may meet, if nodes meet them in cycles of their own."""
        if fu not in self._slots:
            self._slots[fu] = tuple(self._met(fu))
        return self._slots[fu]

    def _met(self, fu: Fu) -> Iterator[BankSlot]:
        counts, y = self.plan.banking.counts, self.offset(fu)
        for turn in itertools.product(*(range(counts[j]) for j in self.moving)):
            digits = dict(zip(self.moving, turn, strict=True))
            total = [digits.get(j, self.first[j]) + y[j] for j in range(len(counts))]
            yield BankSlot(
                self.flat(tuple(n % count for n, count in zip(total, counts, strict=True))),
                tuple(digits.items()),
                self.carries(fu, digits),
            )

    def carries(self, fu: Fu, digits: Mapping[int, int]) -> Carries:
        """Row steps per dimension by which a node is ahead of the least element.

        `digits` are the moving digits; a turning dimension that isn't among them has its node level with
        the least element.
        """
        b, place = self.plan.banking, self.place(fu)
        found = []
        for j, (x, g, count, low) in enumerate(
            zip(place, b.gcds, b.counts, self.start, strict=True)
        ):
            own = (
                digits.get(j, 0) if j in self.turning and not any(b.skews[j]) else low // g % count
            )
            times = 0 if j in self.turning and x == 0 else (own + x // g) // count
            if times:
                found.append((j, times))
        return tuple(found)

    @cached_property
    def variants(self) -> tuple[Carries, ...]:
        """Distinct row carries that are known at compile time, sorted."""
        if self.mode is Mode.TURNING:
            return ((),)  # the switch adds the rows
        if self.mode is Mode.LANES:
            return tuple(sorted({self.carries(fu, {}) for fu in self.nodes}))
        return tuple(sorted({slot.carries for fu in self.nodes for slot in self.slots(fu)}))

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """Dimensions whose row stride the address generator needs."""
        carried = {j for carries in self.variants for j, _ in carries}
        if self.mode is Mode.TURNING:
            counts = self.plan.banking.counts
            carried = {j for j, digit in enumerate(self.first) if digit and counts[j] > 1}
        return tuple(j for j in range(len(self.first)) if j in self.turning or j in carried)


Views = tuple[BankView | None, ...]
"""How every layer meets the banks of a memory; None if it doesn't use it."""
