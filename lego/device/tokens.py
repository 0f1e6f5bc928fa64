"""Semaphores: who signals what to whom. Each has one engine that waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum

__all__ = ["OPERANDS", "Token", "freed", "loaded", "rounds"]

OPERANDS = 3
"""Operand memories that semaphores are there for."""


class Token(IntEnum):
    """Semaphores beside those of operand memories, `2 k` and `2 k + 1` of memory `k`."""

    SUMS = 6  # array to vector: the results of a tile are whole
    SUMS_FREE = 7  # vector to array: a half of the result memory is free
    STORED = 8  # vector to store: words in the store memory
    STORE_FREE = 9  # store to vector: a part of the store memory is free
    HELD = 10  # load to vector: a stage's constants
    HELD_FREE = 11  # vector to load
    STREAM = 12  # load to vector: bytes of a stream
    STREAM_FREE = 13  # vector to load
    DONE = 14  # store to load: a tensor is in DRAM


def loaded(memory: int) -> int:
    """Load to array: a tile is in an operand memory."""
    return 2 * memory


def freed(memory: int) -> int:
    """Array to load: the array has done with a tile."""
    return 2 * memory + 1


def rounds(tokens: Iterable[int]) -> list[set[int]]:
    """The same tokens as sets, as a start takes one of each semaphore; the last set is the largest."""
    left = Counter(tokens)
    found: list[set[int]] = []
    while left:
        found.insert(0, set(left))
        left -= Counter(dict.fromkeys(left, 1))
    return found or [set()]
