"""How far data nodes turn over the banks of a dimension: only over those that they meet at some timestamp.

The digit of the least element is ``q``; a window of three words moves it over three values, of however many
banks. Behind ``low`` banks of wires the nodes are ``(q - low) mod B`` ahead: few bits of that tell which it
is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from lego.back.plan.memory.bank_view import BankView
from lego.ir.dag import index_bits
from lego.ir.fused import Plan

__all__ = ["Turn", "digit_name", "plain_digit", "reached", "turn_name", "turn_of"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Nodes are `low` banks ahead and as many more as `bits` bits from `start` on of the distance tell.

    `values` are the amounts that occur, in units of `1 << start` banks; `count` is the number of banks.
    """

    count: int
    low: int
    start: int
    values: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Bits that tell the amount; none where it is always the same."""
        return max(self.values).bit_length()

    @property
    def top(self) -> int:
        """Amounts are below this, in units of `1 << start` banks."""
        return self.count if self.plain else 1 << self.bits

    @property
    def plain(self) -> bool:
        """Whether the amount is the digit itself."""
        return not self.low and not self.start and self.bits == index_bits(self.count)


def reached(view: BankView, dim: int) -> tuple[int, ...]:
    """Digits of a dimension that the least element has at some timestamp within the loops, sorted."""
    banking, time = view.plan.banking, view.plan.time[dim]
    count, gcd = banking.counts[dim], banking.gcds[dim]
    if any(banking.skews[dim]):
        steps = [a + c for a, c in zip(time, view.added_steps(dim), strict=True)]
        start, gcd = view.first[dim], 1
    else:
        steps, start = list(time), view.start[dim]
    trips = view.adg.dataflow.trips(view.adg.op)
    return _digits(tuple(steps), trips, start, gcd, count)


@lru_cache(maxsize=256)
def _digits(
    steps: tuple[int, ...], trips: tuple[int, ...], start: int, gcd: int, count: int
) -> tuple[int, ...]:
    radix = gcd * count
    found = {start % radix}
    for step, trip in zip(steps, trips, strict=True):
        moves = {step * k % radix for k in range(min(trip, radix))}
        found = {(x + move) % radix for x in found for move in moves}
    return tuple(sorted({x // gcd for x in found}))


def turn_of(view: BankView, dim: int, *, narrow: bool) -> Turn:
    """The turn along a dimension: over all banks, or with `narrow` over those that nodes meet."""
    count = view.plan.banking.counts[dim]
    if dim not in view.moving:
        return Turn(count, view.first[dim], 0, (0,))
    digits = reached(view, dim)
    if not narrow or len(digits) == count:
        return Turn(count, 0, 0, tuple(range(count)))
    return min((_turn(digits, low, count) for low in range(count)), key=_price)


def _turn(digits: tuple[int, ...], low: int, count: int) -> Turn:
    distances = sorted((q - low) % count for q in digits)
    step = math.gcd(*distances)
    start = (step & -step).bit_length() - 1 if step else 0
    return Turn(count, low, start, tuple(x >> start for x in distances))


def _price(turn: Turn) -> tuple[int, int, int]:
    """Stages of a rotator; bits of the subtraction; and for one among equals, `low`."""
    top = turn.start + turn.bits
    if turn.count & (turn.count - 1):
        return turn.bits, 2 * index_bits(turn.count) * (turn.low > 0), turn.low
    whole = turn.low % (1 << top)
    return turn.bits, top - (whole & -whole).bit_length() + 1 if whole else 0, turn.low


def plain_digit(dim: int, gcd: int, count: int) -> str:
    """Port of a digit that no skew adds to."""
    return f"digit{dim}_{count}" + (f"_by{gcd}" if gcd > 1 else "")


def digit_name(plan: Plan, dim: int) -> str:
    """Port of a moving bank digit; it tells the dimensions that a skew adds."""
    banking = plan.banking
    added = "".join(f"_plus{i}" for i, a in enumerate(banking.skews[dim]) if a)
    return plain_digit(dim, banking.gcds[dim], banking.counts[dim]) + added


def turn_name(plan: Plan, dim: int, turn: Turn) -> str:
    """Port of the amount by which nodes turn; it tells where the amount starts, and its bits."""
    name = digit_name(plan, dim)
    return name if turn.plain else f"{name}_from{turn.low}_bit{turn.start}_{turn.bits}"
