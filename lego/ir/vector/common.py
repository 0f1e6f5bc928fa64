"""The shortest sequence in which several are found, in their orders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import permutations
from typing import TypeVar

__all__ = ["common_sequence"]

T = TypeVar("T")

MOST_ORDERS = 4
"""Sequences for which every order of joining them is tried."""


def common_sequence(sequences: Sequence[tuple[T, ...]]) -> tuple[T, ...]:
    """A common supersequence: the shortest of two; of more, joined two by two, the longest first or in the
    best of all orders if they are few."""
    different = sorted(dict.fromkeys(sequences), key=len, reverse=True)
    needed = [s for k, s in enumerate(different) if not any(_is_in(s, t) for t in different[:k])]
    orders = permutations(needed) if len(needed) <= MOST_ORDERS else [tuple(needed)]
    return min((_joined_all(order) for order in orders), key=len)


def _is_in(short: tuple[T, ...], long: tuple[T, ...]) -> bool:
    rest = iter(long)
    return all(any(each == other for other in rest) for each in short)


def _joined_all(sequences: Sequence[tuple[T, ...]]) -> tuple[T, ...]:
    found: tuple[T, ...] = ()
    for sequence in sequences:
        found = _joined(found, sequence)
    return found


def _joined(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    """The shortest common supersequence of two."""

    @cache
    def rest(i: int, j: int) -> tuple[T, ...]:
        if i == len(one) or j == len(other):
            return one[i:] + other[j:]
        if one[i] == other[j]:
            return (one[i], *rest(i + 1, j + 1))
        return min((one[i], *rest(i + 1, j)), (other[j], *rest(i, j + 1)), key=len)

    return rest(0, 0)
