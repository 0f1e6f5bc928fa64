"""Distances in units of the last place of a number format, and the bounds of the techniques'
floating-point paths.

Each bound is at most twice the largest distance that was seen over six or more seeds and several sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["BOUNDS", "apart"]

DIGITS = {
    "float64": (53, -1022),
    "float32": (24, -126),
    "float16": (11, -14),
    "bfloat16": (8, -126),
    "float8_e4m3fn": (4, -6),
}
"""Significant bits, and the exponent of the least normal number."""

BOUNDS = {
    "svdquant module": 20,
    "svdquant nests": 32,
    "coat module": 3,
    "coat nests": 4,
    "adamw weight": 1,
    "adamw scale": 20,
    "adamw centre": 4,
    "adamw expanded": 6,
    "attention decode": 12,
    "attention prefill": 16,
    "attention kv4": 10,
    "qoq activations": 1,
    "decode after prefill": 12,
    "single nests": 20,
}
"""As docs/networks.md has them: of float32 but `qoq activations` of float16."""


def apart(found: Any, wanted: Any, *, fmt: str = "float32", of: str = "element") -> float:
    """The largest distance of two arrays in units of the last place of what is wanted.

    The unit is that of the `element` itself, or of the largest element of its `row` (the last axis)
    where results are sums that may cancel.
    """
    exact, near = (np.asarray(x, dtype=np.float64) for x in (wanted, found))
    assert near.shape == exact.shape
    same = (near == exact) | (np.isnan(near) & np.isnan(exact))
    if same.all():
        return 0.0
    size = np.abs(exact)
    if of == "row" and size.ndim:
        size = np.where(np.isfinite(size), size, 0).max(-1, keepdims=True)
    digits, least = DIGITS[fmt]
    exponent = np.where(size == 0, least, np.maximum(np.frexp(size)[1] - 1, least))
    distance = np.where(same, 0.0, np.abs(np.where(same, 0.0, near) - np.where(same, 0.0, exact)))
    return float((distance / np.exp2(exponent - digits + 1.0)).max())
