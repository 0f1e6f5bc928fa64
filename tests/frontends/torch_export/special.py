"""Values at which operators go wrong, and a comparison that counts NaN, infinities and the signs of zeros."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

__all__ = ["IMAGE", "INTEGERS", "PAIRS", "REALS", "ROWS", "SMALL", "TRUTH", "apart", "shuffled"]

NAN, INF = float("nan"), float("inf")
REALS = [
    NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -3.0, 6.0, 6.5, 1e-42,
    -1e-42, 1.2e-38, 20.5, -20.5, 88.0, 100.0, -100.0, 1e19, -1e19, 3.3e38, -3.3e38, 0.1, -3.1,
]  # fmt: skip
INTEGERS = [0, 1, -1, 2, -2, 3, -3, 7, -7, 100, 2**31 - 1, -(2**31) + 1, 2**24 + 1]
PAIRS = list(itertools.product(REALS, REALS))
TRUTH = list(itertools.product([True, False], [True, False]))
SMALL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -2.0, 1e-42, 1e18, -1e18]

ROWS = [
    [1.0, -2.0, 0.5, 3.0],
    [1.0, NAN, 2.0, NAN],
    [NAN, 1.0, 1.0, 4.0],
    [INF, 1.0, 2.0, INF],
    [-INF, 1.0, 2.0, 3.0],
    [INF, -INF, 0.0, 1.0],
    [-INF, -INF, -INF, -INF],
    [INF, INF, INF, INF],
    [NAN, NAN, NAN, NAN],
    [0.0, 0.0, 0.0, 0.0],
    [2.0, 2.0, -1.0, 2.0],
    [-200.0, 0.0, -100.0, -300.0],
    [1e-42, 2e-42, 0.0, -1e-42],
    [1e18, -1e18, 1e18, 2e18],
    [-INF, NAN, INF, 0.0],
    [5.0, -INF, -INF, -INF],
]
"""Rows of a reduction."""

_PIXELS = np.random.default_rng(0).standard_normal((8, 2, 5, 6))
_PIXELS[1, 0, 2, 3] = NAN
_PIXELS[2, 1, 0, 0] = INF
_PIXELS[3, :, 4, 5] = -INF
_PIXELS[4, 0, 1, 1], _PIXELS[4, 0, 3, 4] = INF, -INF
_PIXELS[5] = -INF
_PIXELS[6, 1, :, 2] = INF
_PIXELS[7, 0, 2, 2] = 1e-42
IMAGE = torch.tensor(_PIXELS.tolist())
"""Images with some pixels, or all, that aren't finite."""


def shuffled(values: Sequence[Any], seed: int, *shape: int) -> Any:
    """A tensor of these values in another order, each as often as fits the shape."""
    order = np.random.default_rng(seed)
    count = int(np.prod(shape))
    picks = np.concatenate(
        [order.permutation(len(values)) for _ in range(-(-count // len(values)))]
    )
    return torch.tensor([values[k] for k in picks[:count]]).reshape(shape)


def apart(found: Any, wanted: Any, *, zeros: bool, infinite: bool = True) -> str:
    """What differs, "" if nothing: NaN where NaN is wanted, infinities of the same sign, finite
    numbers within 1e-4 and 1e-6, with `zeros` zeros of the same sign. Without `infinite` it doesn't
    matter which of them isn't finite."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return f"{found.dtype} {tuple(found.shape)} instead of {wanted.dtype} {tuple(wanted.shape)}"
    if not wanted.is_floating_point():
        same = found == wanted
    else:
        a, b = found.double(), wanted.double()
        near = (a - b).abs() <= 1e-6 + 1e-4 * b.abs()
        same = (a == b) | (a.isnan() & b.isnan()) | (a.isfinite() & b.isfinite() & near)
        if not infinite:
            same |= ~a.isfinite() & ~b.isfinite()
        if zeros:
            same &= (a != 0) | (b != 0) | (a.signbit() == b.signbit())
    if bool(same.all()):
        return ""
    at = (~same).nonzero()[0].tolist()
    return f"{found[tuple(at)]} instead of {wanted[tuple(at)]} at {at}, {int((~same).sum())} in all"
