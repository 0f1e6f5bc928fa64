"""Rounding to few bits, as operations: what the quantised layers share.

Numbers that aren't stored narrow are in the format of the layer's input, float32 in the networks of
the catalogue.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn.functional import pad

__all__ = ["SMALLEST", "grouped", "integers", "per_token_int8"]

SMALLEST = 2.0**-100
"""What a scale of zero becomes, so that zero divided by it is zero."""


def grouped(x: Any, size: int) -> Any:
    """[..., K] to [..., G, size]; zeros make K a multiple of the size."""
    width = x.shape[-1]
    groups = math.ceil(width / size)
    x = pad(x, (0, groups * size - width)) if width % size else x
    return x.reshape(*x.shape[:-1], groups, size)


def integers(x: Any, low: int, high: int) -> Any:
    """Rounded, halves to even, and clipped, as int8. Four bits are held in one byte each."""
    return x.round().clamp(low, high).to(torch.int8)


def per_token_int8(x: Any) -> tuple[Any, Any]:
    """Integers [..., K] and scales [..., 1]: the largest magnitude of every row is 127."""
    scale = (x.abs().amax(-1, keepdim=True) / 127).clamp_min(SMALLEST)
    return integers(x / scale, -128, 127), scale
