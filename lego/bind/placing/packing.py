"""Digits in the indices of one dimension: what counters add that doesn't move an operand's index as they move
its element."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.bind.linear import reach
from lego.bind.placing.placement import Digit

__all__ = ["Moves", "Packing", "by_counter", "by_row", "nested"]

Vector = tuple[int, ...]

MOST_ORDERS = 24
"""Orders of counters that are tried for the weights of their digits."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What counters do beside their digits.

    Attributes
    ----------
    rank : dimensions of the operand.
    trips : of every counter.
    left : by counter, what is left of its step of the element, times the scale.
    steps : by counter, what it adds to the index, which a table has to be told; empty if a matrix tells
        elements.
    """

    rank: int
    trips: Vector
    left: dict[int, Vector]
    steps: Mapping[int, Vector]


@dataclass(frozen=True, slots=True)
class Packing:
    """Digits, the largest weight first; what each counter adds to the packed dimension by them, and what they
    add to index and element (times the scale) at the first timestamp and at their zeros."""

    digits: tuple[Digit, ...]
    added: dict[int, int]
    first: int
    constant: Vector

    @property
    def values(self) -> int:
        """Of all digits together."""
        return math.prod(digit.count for digit in self.digits)

    @property
    def extra(self) -> int:
        """Indices that they add."""
        return sum(digit.weight * (digit.count - 1) for digit in self.digits)


def by_row(moves: Moves, span: int) -> Packing:
    """A digit per dimension of the element that is left to move, above so many indices."""
    digits: list[Digit] = []
    added: dict[int, int] = {}
    first, constant = 0, [0] * moves.rank
    for i in reversed(range(moves.rank)):
        mine = {k: v[i] for k, v in moves.left.items() if v[i]}
        if not mine:
            continue
        step = math.gcd(*mine.values())
        low, high = reach(list(mine.values()), [moves.trips[k] for k in mine])
        unit = tuple(step * (n == i) for n in range(moves.rank))
        digits.insert(0, Digit((high - low) // step + 1, span, unit))
        for k, a in mine.items():
            added[k] = added.get(k, 0) + span * (a // step)
        first += span * (-low // step)
        constant[i] = low
        span *= digits[0].count
    return Packing(tuple(digits), added, first, tuple(constant))


def by_counter(moves: Moves, span: int) -> Packing:
    """A digit per counter above so many indices."""
    weights: dict[int, int] = {}
    for k in reversed(moves.left):
        weights[k] = span
        span *= moves.trips[k]
    return _counted(moves, weights)


def nested(moves: Moves, span: int, wired: Sequence[int], modulus: int) -> Packing:
    """A digit per counter, with the least weight above what is below it that is congruent to what is wired;
    counters in the order that takes the fewest indices."""
    found: tuple[int, dict[int, int]] | None = None
    for order in itertools.islice(itertools.permutations(moves.left), MOST_ORDERS):
        total, weights = span, dict[int, int]()
        for k in order:
            weights[k] = _weight(wired[k], modulus, total)
            total += abs(weights[k]) * (moves.trips[k] - 1)
        if found is None or total < found[0]:
            found = total, weights
    return _counted(moves, found[1] if found else {})


def _weight(wired: int, modulus: int, least: int) -> int:
    """What is congruent to the step that is wired and nearest to 0, but not nearer than `least`."""
    up, down = least + (wired - least) % modulus, least + (-wired - least) % modulus
    return up if up <= down else -down


def _counted(moves: Moves, weights: Mapping[int, int]) -> Packing:
    """Digits of counters, from the least weight on; those with weights below 0 count down."""
    digits: list[Digit] = []
    first, constant = 0, (0,) * moves.rank
    for k, weight in weights.items():
        n, sign, left = moves.trips[k], 1 if weight > 0 else -1, moves.left[k]
        move = tuple(sign * a for a in moves.steps.get(k, ()))
        digits.insert(0, Digit(n, abs(weight), tuple(sign * a for a in left), move))
        if weight < 0:
            first -= weight * (n - 1)
            constant = tuple(c + (n - 1) * a for c, a in zip(constant, left, strict=True))
    return Packing(tuple(digits), dict(weights), first, constant)
