"""Layers that several of the plain networks share."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

__all__ = ["Attention", "Block", "attend", "heads_first", "sinusoids"]


def sinusoids(steps: Any, width: int) -> Any:
    """Time steps [N] to [N, width]: cosines, then sines, of periods from 2 pi to 20000 pi."""
    half = width // 2
    rates = torch.exp(-math.log(10000) / half * torch.arange(half, device=steps.device))
    angles = steps[:, None].float() * rates[None]
    return torch.cat((angles.cos(), angles.sin()), 1)


def heads_first(x: Any, heads: int) -> Any:
    """[N, L, heads * d] to [N, heads, L, d]."""
    count, length, width = x.shape
    return x.reshape(count, length, heads, width // heads).transpose(1, 2)


def attend(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
    """Softmax attention of [N, heads, L, d] to [N, L, heads * d]."""
    out = scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)
    return out.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Self attention over [N, L, width]."""

    def __init__(self, width: int, heads: int, *, bias: bool, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=bias), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        """Attention over all tokens, or those before where `causal`: [N, L, width]."""
        q, k, v = (heads_first(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        return self.out(attend(q, k, v, causal=self.causal))


class Block(nn.Module):
    """Pre-norm transformer block with an MLP of four times the width.

    With `skip`, the input is first joined with an earlier block's output, [N, L, width] each.
    """

    def __init__(
        self, width: int, heads: int, *, bias: bool, causal: bool = False, skip: bool = False
    ) -> None:
        super().__init__()
        self.join = nn.Linear(2 * width, width) if skip else None
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, bias=bias, causal=causal)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Any, skip: Any = None) -> Any:
        """The block's output [N, L, width]; `skip` is needed where it was made with one."""
        if self.join is not None:
            x = self.join(torch.cat((x, skip), -1))
        x = x + self.attention(self.norm1(x))
        return x + self.linear2(gelu(self.linear1(self.norm2(x))))
