"""COAT in NumPy: e4m3 from the table of its values, groups in explicit loops."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LARGEST = np.float32(448)


def table() -> list[float]:
    """The 127 values of e4m3 that aren't negative: 7 subnormal multiples of 2^-9, then 1.f times
    2^-6 to 2^8."""
    small = [k / 8 * 2.0**-6 for k in range(8)]
    return small + [(1 + f / 8) * 2.0**e for e in range(-6, 9) for f in range(8)][:-1]


VALUES = np.array(table())


def e4m3(x: Array) -> Array:
    """The nearest values; of two as near the one with the even code."""
    out = np.zeros(x.shape, np.float64)
    for at in np.ndindex(x.shape):
        apart = np.abs(VALUES - abs(float(x[at])))
        best = np.flatnonzero(apart == apart.min())
        code = next((k for k in best if k % 2 == 0), best[0])
        out[at] = np.copysign(VALUES[code], x[at])
    return out


def by_groups(x: Array) -> tuple[Array, Array]:
    """Values [..., K] in e4m3, and the scales [..., K / 16] in float32 that divided them."""
    q = np.zeros(x.shape, np.float64)
    scales = np.zeros((*x.shape[:-1], x.shape[-1] // 16), np.float32)
    for at in np.ndindex(scales.shape):
        *row, g = at
        part = x[tuple(row)][16 * g : 16 * g + 16]
        scales[at] = (np.abs(part).max() + np.float32(1e-10)) / LARGEST
        q[tuple(row)][16 * g : 16 * g + 16] = e4m3(part / scales[at])
    return q, scales


def bfloat16(x: Array) -> Array:
    """Rounded to 8 significant bits, halves to even, on the bits of float32."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    kept = (bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)
    return (kept << np.uint64(16)).astype(np.uint32).view(np.float32)


def whole_scale(x: Array) -> np.float32:
    """The largest of all groups' scales: no group has a larger element than the tensor."""
    return max(by_groups_scale(part) for part in x.reshape(-1, 16))


def by_groups_scale(part: Array) -> np.float32:
    return (np.abs(part).max() + np.float32(1e-10)) / LARGEST


def power_of(group: Array) -> tuple[float, float]:
    """The power and the centre of a group of 128, in float64."""
    size = np.abs(group.astype(np.float64))
    most, least = size.max() + 1e-30, size[size > 0].min() + 1e-30
    return np.floor(np.log2(448.0**2 / 2) / np.log2(most / least) * 16) / 16, np.sqrt(most * least)


def compressed(groups: Array) -> tuple[Array, Array, Array, Array]:
    """Numbers in e4m3, scales, powers and centres of groups [G, 128], in float64."""
    power, centre = (np.array([power_of(g)[k] for g in groups])[:, None] for k in (0, 1))
    size = np.abs(groups.astype(np.float64))
    scale = (size.max(1, keepdims=True) / centre) ** power / 448
    return e4m3(np.sign(groups) * (size / centre) ** power / scale), scale, power, centre


def expanded(q8: Array, scale: Array, power: Array, centre: Array) -> Array:
    """What a moment stands for, in float64."""
    y = q8 * scale
    return np.sign(y) * np.abs(y) ** (1 / power) * centre


def adamw(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    step: int,
    rate: float,
    b1: float,
    b2: float,
    eps: float,
    decay: float,
) -> tuple[Array, Array, Array]:
    """Weight and moments after a step, as the textbook says, in float64."""
    p, g, m, v = (a.astype(np.float64) for a in (p, g, m, v))
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    m_hat, v_hat = m / (1 - b1**step), v / (1 - b2**step)
    return p - rate * (m_hat / (np.sqrt(v_hat) + eps) + decay * p), m, v
