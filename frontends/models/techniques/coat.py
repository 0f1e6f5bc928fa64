"""COAT (arXiv 2410.19313): activations and weights in 8-bit floating point, the forward pass.

Linear layers multiply e4m3 numbers into sums in float32; each operand has one scale, whose largest
magnitude is taken over groups of 16 first. Before RMSNorm and SiLU inputs are rounded to e4m3 by
groups of 16 in a row, with scales in bfloat16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from frontends.models.techniques.linears import LEFT_ALONE, Dense, held, in_block
from frontends.models.techniques.rounding import grouped

__all__ = ["GROUP", "LARGEST", "CoatInput", "CoatLinear", "by_groups", "whole_scale", "wrap_inputs"]

GROUP = 16
LARGEST = 448.0
"""Of e4m3."""
EPS = 1e-10


def whole_scale(x: Tensor) -> Tensor:
    """The scale of a whole tensor, no dimension: the groups' largest magnitudes, then the largest
    of those."""
    return (grouped(x, GROUP).abs().amax(-1).amax() + EPS) / LARGEST


def by_groups(x: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers [..., G, 16] in e4m3 and scales [..., G, 1] in bfloat16.

    Numbers are divided by the scale before its rounding.
    """
    groups = grouped(x, GROUP)
    scale = (groups.abs().amax(-1, keepdim=True) + EPS) / LARGEST
    return (groups / scale).to(torch.float8_e4m3fn), scale.to(torch.bfloat16)


class CoatLinear(nn.Module):
    """A linear layer [..., K] to [..., N]."""

    def __init__(self, layer: Dense) -> None:
        super().__init__()
        scale = whole_scale(layer.weight)
        self.scale = held(scale)
        self.w8 = held((layer.weight / scale).to(torch.float8_e4m3fn))
        self.bias = layer.bias

    def forward(self, x: Any) -> Any:
        """The product of numbers in e4m3, times both scales, and the bias."""
        scale = whole_scale(x)
        x8 = (x / scale).to(torch.float8_e4m3fn)
        y = linear(x8.to(x.dtype), self.w8.to(x.dtype)) * (scale * self.scale)
        return y if self.bias is None else y + self.bias


class CoatInput(nn.Module):
    """What a nonlinear module gives for its input after rounding."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        """The inner module on the input rounded to e4m3 by groups along the last axis."""
        q8, scale = by_groups(x)
        y = (q8.to(x.dtype) * scale.to(x.dtype)).flatten(-2)
        return self.inner(y[..., : x.shape[-1]])


def wrap_inputs(module: nn.Module) -> None:
    """Round before every RMSNorm and SiLU inside transformer blocks of a module."""
    for path, part in list(module.named_modules()):
        kind = type(part).__name__
        gate = kind in ("SiLU", "SiLUActivation") and not any(w in path for w in LEFT_ALONE)
        if in_block(path) and (kind.endswith("RMSNorm") or gate):
            parent, _, name = path.rpartition(".")
            setattr(module.get_submodule(parent), name, CoatInput(part))
