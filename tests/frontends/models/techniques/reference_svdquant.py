"""SVDQuant's run time in NumPy: explicit groups of 64, integer sums, scaled in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

GROUP = 64
Array = np.ndarray[Any, Any]


def rounded(x: Array, smooth: Array, shift: float) -> tuple[Array, Array]:
    """Integers [M, G, 64] and scales [M, G] of inputs [M, K] in float32; missing columns are zeros."""
    low, high = (0, 15) if shift else (-8, 7)
    divided = (
        (x + np.float32(shift)) / smooth.astype(np.float32)
        if shift
        else x / smooth.astype(np.float32)
    )
    count = -(-x.shape[1] // GROUP)
    q = np.zeros((len(x), count, GROUP), np.int64)
    scales = np.zeros((len(x), count), np.float32)
    for m in range(len(x)):
        for g in range(count):
            part = divided[m, g * GROUP : (g + 1) * GROUP]
            scales[m, g] = np.abs(part).max() / np.float32(high)
            q[m, g, : len(part)] = np.clip(np.rint(part / scales[m, g]), low, high)
    return q, scales


def group_sums(q: Array, weights: Array) -> Array:
    """Integers [G, M, N] from [M, G, 64] and [G, N, 64]."""
    out = np.zeros((q.shape[1], q.shape[0], weights.shape[1]), np.int64)
    for g in range(q.shape[1]):
        for m in range(q.shape[0]):
            out[g, m] = (q[m, g] * weights[g]).sum(1)
    return out


def layer(
    x: Array, smooth: Array, down: Array, up: Array, weights: Array, scales: Array, bias: Array, shift: float
) -> Array:  # fmt: skip
    """Outputs [M, N] in float64 from what a layer stores; scales are [G, N]."""
    q, sx = rounded(x, smooth, shift)
    parts = group_sums(q, weights)
    y = np.zeros(parts.shape[1:], np.float64)
    for g in range(len(parts)):
        y += parts[g] * np.outer(sx[:, g].astype(np.float64), scales[g].astype(np.float64))
    branch = x.astype(np.float64) @ down.T.astype(np.float64) @ up.T.astype(np.float64)
    return y + branch + bias
