"""QoQ (arXiv 2405.04532): 4-bit weights, 8-bit activations.

By groups of 128 inputs a weight is `q4 * s2 + zneg` in bytes: the integer scale `s2` and `zneg`,
minus zero times scale, act before the product, modulo 256, where no sum of theirs leaves the range
of int8. The sum over inputs is exact in int32; scales per output channel (float16) and per token
(float32) follow it. The variant per channel multiplies by the 4-bit weights themselves and
subtracts zero times the sum of the activations before their rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from frontends.models.techniques.linears import Dense, held
from frontends.models.techniques.rounding import grouped, per_token_int8

__all__ = ["GROUP", "PROTECTED", "QoqChannel", "QoqGroup", "channel_weights", "group_weights"]

GROUP = 128
PROTECTED = 119
"""Largest magnitude of the first rounding, so that the second one stays in int8 (section 4.1 of the
paper)."""


def group_weights(weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights [N, K] as q4 [N, G, 128], s2 and zneg [N, G, 1], all int8, and s1 [N] in float16."""
    s1 = (weight.abs().amax(1) / PROTECTED).clamp_min(2.0**-24).half()
    rounded = (weight / s1.to(weight.dtype)[:, None]).round().clamp(-PROTECTED, PROTECTED)
    eight = grouped(rounded, GROUP)
    most = eight.amax(-1, keepdim=True).clamp_min(0)
    least = eight.amin(-1, keepdim=True).clamp_max(0)
    s2 = ((most - least) / 15).round().clamp_min(1)
    zero = (-least / s2).round().clamp(0, 15)
    q4 = (eight / s2 + zero).round().clamp(0, 15)
    zneg = (-zero * s2).remainder(256).to(torch.uint8).view(torch.int8)
    return q4.to(torch.int8), s2.to(torch.int8), zneg, s1


def channel_weights(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights [N, K] as q4 [N, K] in int8, and scale and zero times scale [N] in float16."""
    most, least = weight.amax(1).clamp_min(0), weight.amin(1).clamp_max(0)
    s1 = ((most - least) / 15).clamp_min(2.0**-24).half()
    scale = s1.to(weight.dtype)
    zero = (-least / scale).round().clamp(0, 15)
    q4 = (weight / scale[:, None] + zero[:, None]).round().clamp(0, 15)
    return q4.to(torch.int8), s1, (zero * scale).half()


class QoqGroup(nn.Module):
    """A linear layer [..., K] to [..., N], scales and zeros by groups of 128 inputs."""

    def __init__(self, layer: Dense) -> None:
        super().__init__()
        self.q4, self.s2, self.zneg, self.s1 = map(held, group_weights(layer.weight))
        self.bias = layer.bias

    def forward(self, x: Any) -> Any:
        """Sums in int32 of int8 by restored 8-bit weights, scaled per channel and per token."""
        x8, scale = per_token_int8(x)
        w8 = (self.q4 * self.s2 + self.zneg).flatten(1)
        missing = w8.shape[1] - x8.shape[-1]
        x8 = pad(x8, (0, missing)) if missing else x8
        total = linear(x8.to(torch.int32), w8.to(torch.int32))
        y = total.to(x.dtype) * self.s1.to(x.dtype) * scale
        return y if self.bias is None else y + self.bias


class QoqChannel(nn.Module):
    """A linear layer [..., K] to [..., N], a scale and zero per output channel."""

    def __init__(self, layer: Dense) -> None:
        super().__init__()
        self.q4, self.s1, self.szero = map(held, channel_weights(layer.weight))
        self.bias = layer.bias

    def forward(self, x: Any) -> Any:
        """Sums in int32 of int8 by 4-bit weights, scaled, less zeros times the inputs' sum."""
        x8, scale = per_token_int8(x)
        total = linear(x8.to(torch.int32), self.q4.to(torch.int32))
        y = total.to(x.dtype) * self.s1.to(x.dtype) * scale
        sums = x.sum(-1, keepdim=True).half().to(x.dtype)
        y = y - self.szero.to(x.dtype) * sums
        return y if self.bias is None else y + self.bias
