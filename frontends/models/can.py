"""Condition-aware layers (CAN, arXiv 2404.01143): W = W0 + G c, a weight for every sample."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import conv2d

from frontends.models.sample import Recipes, Sample, floats

__all__ = ["RECIPES"]


class Generated(nn.Module):
    """Conditions [N, condition] to weights [N, *shape]."""

    def __init__(self, condition: int, *shape: int) -> None:
        super().__init__()
        self.static = nn.Parameter(torch.randn(shape) / (shape[-1] * shape[-2]) ** 0.5)
        self.generator = nn.Linear(condition, self.static.numel(), bias=False)

    def forward(self, condition: Any) -> Any:
        return self.static + self.generator(condition).reshape(-1, *self.static.shape)


class Depthwise(nn.Module):
    """[N, C, H, W] by a 3x3 kernel per sample and channel: one convolution of N * C groups."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.weight = Generated(condition, channels, 1, 3, 3)

    def forward(self, x: Any, condition: Any) -> Any:
        count, channels, height, width = x.shape
        weight = self.weight(condition).flatten(0, 1)
        groups = count * channels
        return conv2d(x.reshape(1, groups, height, width), weight, None, 1, 1, 1, groups).reshape(
            x.shape
        )


class Linear(nn.Module):
    """[N, L, inputs] to [N, L, outputs]: a product per sample."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.weight = Generated(condition, outputs, inputs)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Any, condition: Any) -> Any:
        return torch.bmm(x, self.weight(condition).transpose(1, 2)) + self.bias


class PatchEmbed(nn.Module):
    """[N, C, H, W] to tokens [N, HW / patch^2, width]: one convolution of N groups."""

    def __init__(self, channels: int, width: int, patch: int, condition: int) -> None:
        super().__init__()
        self.patch = patch
        self.weight = Generated(condition, width, channels, patch, patch)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Any, condition: Any) -> Any:
        count, channels, height, width = x.shape
        weight = self.weight(condition)
        joined = x.reshape(1, count * channels, height, width)
        out = conv2d(joined, weight.flatten(0, 1), None, self.patch, groups=count)
        return out.reshape(count, weight.shape[1], -1).transpose(1, 2) + self.bias


def _depthwise(channels: int, side: int, condition: int) -> Sample:
    return Sample(
        Depthwise(channels, condition), (floats(2, channels, side, side), floats(2, condition))
    )


def _linear(inputs: int, outputs: int, tokens: int, condition: int) -> Sample:
    return Sample(
        Linear(inputs, outputs, condition), (floats(2, tokens, inputs), floats(2, condition))
    )


def _patches(channels: int, width: int, patch: int, side: int, condition: int) -> Sample:
    module = PatchEmbed(channels, width, patch, condition)
    return Sample(module, (floats(2, channels, side, side), floats(2, condition)))


RECIPES: Recipes = {
    "can_depthwise": partial(_depthwise, 512, 16, 512),
    "can_linear": partial(_linear, 512, 512, 256, 512),
    "can_patch_embed": partial(_patches, 32, 512, 1, 16, 512),
    "can_depthwise_tiny": partial(_depthwise, 6, 7, 16),
    "can_linear_tiny": partial(_linear, 12, 10, 5, 16),
    "can_patch_embed_tiny": partial(_patches, 3, 8, 2, 8, 16),
}
