"""Exclusive or, which is no primitive, and sums whose carries don't go through all bits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lego.back.graph.builder import Builder

__all__ = ["exclusive_or", "parity", "plus"]

_BLOCK = 8
"""Most bits that a carry goes through one by one."""


def parity(b: Builder, bits: Sequence[int]) -> int:
    """Exclusive or of one-bit nodes, at least one, as a balanced tree of equalities."""
    level, inverted = list(bits), False
    while len(level) > 1:
        pairs = [b.eq(a, c) for a, c in zip(level[::2], level[1::2], strict=False)]
        inverted ^= bool(len(pairs) & 1)
        level = pairs + level[2 * len(pairs) :]
    return b.invert(level[0]) if inverted else level[0]


def exclusive_or(b: Builder, a: int, c: int, bits: int) -> int:
    """Exclusive or of two words of so many bits, bit by bit."""
    each = [(b.slice(a, k, 1), b.slice(c, k, 1)) for k in range(bits)]
    return b.cat([b.wrap(parity(b, pair), (0, 1)) for pair in each])


def plus(b: Builder, a: int, c: int, bits: int) -> int:
    """`a + c` modulo `2**bits`, in blocks that are added without and with a carry, which then chooses."""
    count = -(-bits // _BLOCK)
    edges = [bits * k // count for k in range(count + 1)]
    size = edges[1]
    chosen = b.add(b.slice(a, 0, size), b.slice(c, 0, size))
    parts = [b.slice(chosen, 0, size)]
    for start, end in pairwise(edges[1:]):
        carry, size = b.slice(chosen, size, 1), end - start
        x, y = b.slice(a, start, size), b.slice(c, start, size)
        odd = b.add(b.cat([b.const(1), x]), b.cat([b.const(1), y]))  # twice the sum with a carry
        chosen = b.mux(carry, b.slice(odd, 1, size + 1), b.add(x, y))
        parts.append(b.slice(chosen, 0, size))
    return b.cat(parts)
