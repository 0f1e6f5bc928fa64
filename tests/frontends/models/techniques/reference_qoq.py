"""QoQ in NumPy, from the paper's formulas: loops over rows and groups, four weights in one 32-bit product."""

from __future__ import annotations

from typing import Any

import numpy as np

GROUP, PROTECTED = 128, 119
Array = np.ndarray[Any, Any]


def group_quantised(weight: Array) -> tuple[Array, Array, Array, Array]:
    """q4 [N, K'], s2 and zero [N, G] as integers, s1 [N] in float16; K' is padded to whole groups."""
    rows, width = weight.shape
    count = -(-width // GROUP)
    q4 = np.zeros((rows, count * GROUP), np.int64)
    s2, zero = np.zeros((rows, count), np.int64), np.zeros((rows, count), np.int64)
    s1 = np.zeros(rows, np.float16)
    for n in range(rows):
        s1[n] = np.float16(np.abs(weight[n]).max() / np.float32(PROTECTED))
        eight = np.zeros(count * GROUP, np.float32)
        eight[:width] = np.clip(np.rint(weight[n] / np.float32(s1[n])), -PROTECTED, PROTECTED)
        for g in range(count):
            part = eight[g * GROUP : (g + 1) * GROUP]
            most, least = max(0.0, float(part.max())), min(0.0, float(part.min()))
            s2[n, g] = max(1, int(np.rint(np.float32(most - least) / np.float32(15))))
            zero[n, g] = min(15, max(0, int(np.rint(np.float32(-least) / np.float32(s2[n, g])))))
            exact = np.rint(part / np.float32(s2[n, g]) + np.float32(zero[n, g]))
            q4[n, g * GROUP : (g + 1) * GROUP] = np.clip(exact, 0, 15)
    return q4, s2, zero, s1


def packed_weights(q4: Array, s2: Array, zero: Array) -> Array:
    """The 8-bit weights [N, K']: one 32-bit multiplication for four of them, then four additions
    modulo 256."""
    out = np.zeros(q4.shape, np.int64)
    for n in range(q4.shape[0]):
        for k in range(0, q4.shape[1], 4):
            scale, z = int(s2[n, k // GROUP]), int(zero[n, k // GROUP])
            word = sum(int(q4[n, k + i]) << (8 * i) for i in range(4))
            word = (word * scale) & 0xFFFFFFFF
            for i in range(4):
                byte = (((word >> (8 * i)) & 255) + (-z * scale) % 256) & 255
                out[n, k + i] = byte - 256 if byte > 127 else byte
    return out


def int8_per_token(x: Array) -> tuple[Array, Array]:
    """Integers and scales [M, 1] of activations [M, K] in float32."""
    out = np.zeros(x.shape, np.int64)
    scales = np.zeros((len(x), 1), np.float32)
    for m, row in enumerate(x):
        scales[m] = np.abs(row).max() / np.float32(127)
        out[m] = np.clip(np.rint(row / scales[m]), -128, 127)
    return out, scales


def channel_quantised(weight: Array) -> tuple[Array, Array, Array]:
    """q4 [N, K], s1 and zero times s1 [N] in float16."""
    rows = [channel_row(row) for row in weight]
    return np.stack([r[0] for r in rows]), *(np.array([r[k] for r in rows]) for k in (1, 2))


def channel_row(row: Array) -> tuple[Array, np.float16, np.float16]:
    most, least = max(np.float32(0), row.max()), min(np.float32(0), row.min())
    s1 = np.float16((most - least) / np.float32(15))
    zero = np.clip(np.rint(-least / np.float32(s1)), 0, 15)
    q4 = np.clip(np.rint(row / np.float32(s1) + np.float32(zero)), 0, 15)
    return q4.astype(np.int64), s1, np.float16(np.float32(zero) * np.float32(s1))


def kv4(x: Array) -> tuple[Array, Array, Array, Array]:
    """Integers, scales and zeros of vectors [..., D], and what is read back."""
    q4 = np.zeros(x.shape, np.int64)
    scales, zeros = (np.zeros((*x.shape[:-1], 1), np.float16) for _ in range(2))
    back = np.zeros(x.shape, np.float32)
    for at in np.ndindex(x.shape[:-1]):
        low, span = x[at].min(), x[at].max() - x[at].min()
        scales[at], zeros[at] = (
            np.float16(span / np.float32(15)),
            np.float16(low * np.float32(-15) / span),
        )
        s, z = np.float32(scales[at]), np.float32(zeros[at])
        q4[at] = np.clip(np.rint(x[at] / s + z), 0, 15)
        back[at] = (q4[at].astype(np.float32) - z) * s
    return q4, scales, zeros, back
