"""DuoAttention and Quest in NumPy: a cache that rolls token by token, and masks over all tokens
instead of look-ups."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def softmax_over(q: Array, k: Array, v: Array, keep: Array, scale: float) -> Array:
    """One query [D] on the tokens that are kept, in float64."""
    scores = np.where(keep, k.astype(np.float64) @ q.astype(np.float64) * scale, -np.inf)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ v.astype(np.float64)


def rolling(length: int, sink: int, recent: int) -> list[list[int]]:
    """Tokens that each token reads: a buffer that takes the new one, is read, and then drops what
    it doesn't keep."""
    held: list[int] = []
    read = []
    for token in range(length):
        held.append(token)
        read.append(list(held))
        if len(held) > sink + recent:
            held = held[:sink] + held[len(held) - recent :]
    return read


def in_training(length: int, sink: int, recent: int) -> Array:
    """The mask as a table, a pair at a time."""
    keep = np.zeros((length, length), bool)
    for i in range(length):
        for j in range(i + 1):
            keep[i, j] = j < sink or i - j < recent
    return keep


def pages_read(q: Array, k: Array, page: int, pages: int) -> tuple[set[int], Array]:
    """Pages that one query [D] reads of keys [L, D], and every page's bound."""
    starts = range(0, len(k), page)
    bounds = np.array([
        sum(max(q[d] * part[:, d].min(), q[d] * part[:, d].max()) for d in range(len(q)))
        for part in (k[s : s + page] for s in starts)
    ])  # fmt: skip
    best = sorted(range(len(bounds) - 1), key=lambda p: -bounds[p])[: pages - 1]
    return {*best, len(bounds) - 1}, bounds
