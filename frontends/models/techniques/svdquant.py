"""SVDQuant (arXiv 2411.05007): 4-bit weights and activations beside a branch of rank 32.

Inputs are divided by `smooth` per channel, weights multiplied by it; the largest singular vectors
of the weights go to the branch, which reads the inputs as they are (`down` holds the division), and
what remains is rounded by groups of 64 inputs. Groups are summed in int32, scaled by the input's
and the weight's scale, then added. Where inputs come from a GELU they are shifted to be positive
and rounded without sign; the bias takes the shift back, and the branch reads them as they were.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from frontends.models.techniques.linears import Dense, held
from frontends.models.techniques.rounding import SMALLEST, grouped, integers

__all__ = ["GROUP", "RANK", "SHIFT", "SvdQuant", "decomposed", "smoothing"]

GROUP = 64
RANK = 32
SHIFT = 0.171875
"""Above the depth of a GELU, which is 0.17 (nunchaku, `SHIFT_GELU`)."""


def smoothing(largest: Tensor, weight: Tensor) -> Tensor:
    """Divisors [K] of the inputs in float16: square root of the input's largest magnitude over the
    weight's."""
    ratio = largest.clamp_min(1e-5) / weight.abs().amax(0).clamp_min(1e-5)
    return ratio.sqrt().clamp(2.0**-10, 2.0**10).half()


def decomposed(weight: Tensor, smooth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The branch's `down` [r, K] and `up` [N, r] in float16, and the rest as integers [G, N, 64]
    and scales [G, 1, N]."""
    factor = smooth.to(weight.dtype)
    scaled = (weight * factor).double()
    left, sizes, right = torch.linalg.svd(scaled, full_matrices=False)
    up = (left[:, :RANK] * sizes[:RANK]).half()
    down = (right[:RANK] / factor.double()).half()
    rest = scaled - up.double() @ (down.double() * factor.double())
    groups = grouped(rest.to(weight.dtype), GROUP).transpose(0, 1)
    scale = (groups.abs().amax(-1, keepdim=True) / 7).clamp_min(2.0**-24).half()
    q4 = integers(groups / scale.to(weight.dtype), -8, 7)
    return down, up, q4, scale.transpose(1, 2)


class SvdQuant(nn.Module):
    """A linear layer [..., K] to [..., N]; `largest` are the magnitudes of its inputs, [K].

    `after_gelu` of the layer decides whether activations are rounded without sign.
    """

    def __init__(self, layer: Dense, largest: Tensor) -> None:
        super().__init__()
        self.shift = SHIFT if layer.after_gelu else 0.0
        smooth = smoothing(largest + self.shift, layer.weight)
        down, up, q4, scale = decomposed(layer.weight, smooth)
        self.smooth, self.down, self.up, self.q4, self.scale = map(
            held, (smooth, down, up, q4, scale)
        )
        self.bias = layer.bias
        if self.shift:
            self.bias = held(self._corrected(layer))

    def _corrected(self, layer: Dense) -> Tensor:
        """The bias less what the shift adds: the shift times the sum of the rounded weights."""
        kind, width = layer.weight.dtype, layer.weight.shape[1]
        rounded = self.q4.to(kind) * self.scale.to(kind).transpose(1, 2)
        flat = rounded.transpose(0, 1).flatten(1)[:, :width]
        extra = self.shift * (flat / self.smooth.to(kind)).sum(1)
        return -extra if layer.bias is None else layer.bias - extra

    def forward(self, x: Any) -> Any:
        """The low-rank branch on the inputs as they are, plus the rounded rest, and the bias."""
        rows = x.flatten(0, -2)
        small = linear(linear(rows, self.down.to(x.dtype)), self.up.to(x.dtype))
        moved = rows + self.shift if self.shift else rows
        groups = grouped(moved / self.smooth.to(x.dtype), GROUP).transpose(0, 1)
        low, high = (0, 15) if self.shift else (-8, 7)
        scale = (groups.abs().amax(-1, keepdim=True) / (15 if self.shift else 7)).clamp_min(
            SMALLEST
        )
        q = integers(groups / scale, low, high)
        parts = torch.matmul(q.to(torch.int32), self.q4.to(torch.int32).transpose(1, 2))
        y = (parts.to(x.dtype) * scale * self.scale.to(x.dtype)).sum(0) + small
        y = y if self.bias is None else y + self.bias
        return y.unflatten(0, x.shape[:-1])
