"""Number formats of cached keys and values: as they are, or QoQ's four bits per token and head
(arXiv 2405.04532).

A tensor [B, heads, L, D] is held as a tuple of tensors that agree in all but the last dimension.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from frontends.models.techniques.rounding import integers

__all__ = ["Kv4", "Numbers", "Parts", "Plain", "gathered", "joined"]

Parts = tuple[Tensor, ...]
NARROWEST = 2.0**-10
"""Smallest span between the largest and the least element; scales of smaller ones would be subnormal."""


class Numbers(Protocol):
    """A way to hold keys and values."""

    def encode(self, x: Tensor) -> Parts:
        """What is held for x."""

    def decode(self, parts: Parts, like: Tensor) -> Tensor:
        """What is read, in the number format of `like`."""


class Plain:
    """Keys and values as the model computes them."""

    def encode(self, x: Tensor) -> Parts:
        """The tensor itself, alone."""
        return (x,)

    def decode(self, parts: Parts, like: Tensor) -> Tensor:
        """The tensor; it has its number format already."""
        return parts[0]


class Kv4:
    """Integers 0..15, held in one byte each, with a scale and a zero in float16 that isn't rounded
    to an integer."""

    def encode(self, x: Tensor) -> Parts:
        """Integers of the shape of `x`, then scale and zero with one element on the last axis."""
        low = x.amin(-1, keepdim=True)
        span = (x.amax(-1, keepdim=True) - low).clamp_min(NARROWEST)
        scale, zero = (span / 15).half(), (low * -15 / span).half()
        return integers(x / scale.to(x.dtype) + zero.to(x.dtype), 0, 15), scale, zero

    def decode(self, parts: Parts, like: Tensor) -> Tensor:
        """Integers less the zero, times the scale."""
        q4, scale, zero = (part.to(like.dtype) for part in parts)
        return (q4 - zero) * scale


def joined(before: Parts, after: Parts) -> Parts:
    """The tokens of both, one after the other."""
    return tuple(torch.cat(pair, 2) for pair in zip(before, after, strict=True))


def gathered(parts: Parts, tokens: Any) -> Parts:
    """The tokens [B, heads, T] of every query head, from [B, KV heads, L, ...]."""
    group = tokens.shape[1] // parts[0].shape[1]
    shared = (part.repeat_interleave(group, 1) for part in parts)
    index = tokens[..., None]
    return tuple(part.gather(2, index.expand(-1, -1, -1, part.shape[-1])) for part in shared)
