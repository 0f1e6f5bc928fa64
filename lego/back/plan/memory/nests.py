"""The digits that an address generator keeps: in which radix, and how they follow the counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lego.back.plan.memory.bank_view import BankView
from lego.back.plan.memory.turn import digit_name, plain_digit

__all__ = ["DigitNest", "digit_nests"]


@dataclass(frozen=True, slots=True)
class DigitNest:
    """One digit of a dimension's index, in mixed radix: what is left by the gcd, or a bank digit.

    Attributes
    ----------
    name : of its port.
    dim : the dimension.
    gcd, count : the dimension's divisor and number of banks.
    rest : it is the index modulo the gcd, and not the bank digit.
    skewed : other dimensions are added to it.
    """

    name: str
    dim: int
    gcd: int
    count: int
    rest: bool
    skewed: bool

    @property
    def radix(self) -> int:
        """Values that it can have."""
        return self.gcd if self.rest else self.count

    def kept(self, view: BankView | None) -> bool:
        """Whether a dataflow goes by it."""
        if view is None or self.dim >= len(view.plan.time):
            return False
        if self.skewed:
            return self.dim in view.moving and digit_name(view.plan, self.dim) == self.name
        return self.dim in view.turning and _box(view, self.dim) == (self.gcd, self.count)

    def steps(self, view: BankView | None, counters: int) -> tuple[int, ...]:
        """What a step of each counter adds; zeros where the dataflow doesn't go by it."""
        if view is None or not self.kept(view):
            return (0,) * counters
        row = view.plan.time[self.dim]
        if self.skewed:
            added = view.added_steps(self.dim)
            return tuple((a + c) % self.count for a, c in zip(row, added, strict=True))
        return tuple(self._of(step) for step in row)

    def first(self, view: BankView | None) -> int:
        """Its value at the first timestamp."""
        if view is None or not self.kept(view):
            return 0
        return view.first[self.dim] if self.skewed else self._of(view.start[self.dim])

    def _of(self, index: int) -> int:
        return index % self.gcd if self.rest else index // self.gcd % self.count


def digit_nests(views: Sequence[BankView | None], *, free: bool = False) -> tuple[DigitNest, ...]:
    """The digits of a memory: per dimension and radix first what is left by the gcd, where some dataflow
    moves that or it is `free` to; digits to which skews add come last. Dataflows share those of one radix.
    """
    used = [view for view in views if view is not None]
    found = []
    for j, gcd, count in sorted({(j, *_box(v, j)) for v in used for j in v.turning}):
        name = plain_digit(j, gcd, count)
        rest = DigitNest(f"rest_{name}", j, gcd, count, True, False)
        if gcd > 1 and (free or any(any(rest.steps(view, 0)) for view in used)):
            found.append(rest)
        found.append(DigitNest(name, j, gcd, count, False, False))
    skewed = {
        DigitNest(digit_name(v.plan, j), j, 1, v.plan.banking.counts[j], False, True)
        for v in used
        for j in v.moving
        if any(v.plan.banking.skews[j])
    }
    return (*found, *sorted(skewed, key=lambda nest: (nest.name, nest.dim, nest.count)))


def _box(view: BankView, dim: int) -> tuple[int, int]:
    """The gcd and the number of banks of a dimension."""
    return view.plan.banking.gcds[dim], view.plan.banking.counts[dim]
