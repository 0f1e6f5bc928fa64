"""Exclusive or, which is no primitive: of one-bit nodes it is an equality that is inverted."""

from __future__ import annotations

from collections.abc import Sequence

from lego.back.graph.builder import Builder

__all__ = ["exclusive_or", "parity"]


def parity(b: Builder, bits: Sequence[int]) -> int:
    """Exclusive or of one-bit nodes, at least one, as a balanced tree."""
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
