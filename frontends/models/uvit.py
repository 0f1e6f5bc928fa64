"""U-ViT (arXiv 2209.12152) on the latents of DC-AE: tokens of time and class, long skips."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from frontends.models.layers import Block, sinusoids
from frontends.models.sample import Recipes, Sample, floats, integers

__all__ = ["RECIPES"]


class UViT(nn.Module):
    """Latent [N, channels, S, S], steps [N] and classes [N] to noise [N, channels, S, S].

    `depth` / 2 blocks, one in the middle, and `depth` / 2 blocks that each take the output of
    their mirror image; patches of one latent pixel.
    """

    def __init__(
        self, channels: int, side: int, width: int, depth: int, heads: int, classes: int
    ) -> None:
        super().__init__()
        half = depth // 2
        self.width = width
        self.embed = nn.Conv2d(channels, width, 1)
        self.label = nn.Embedding(classes + 1, width)
        self.position = nn.Parameter(0.02 * torch.randn(1, 2 + side * side, width))
        self.first = nn.ModuleList(Block(width, heads, bias=False) for _ in range(half))
        self.middle = Block(width, heads, bias=False)
        self.last = nn.ModuleList(Block(width, heads, bias=False, skip=True) for _ in range(half))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, channels)

    def forward(self, latent: Any, step: Any, label: Any) -> Any:
        tokens = self.embed(latent).flatten(2).transpose(1, 2)
        time = sinusoids(step, self.width)[:, None]
        x = torch.cat((self.label(label)[:, None], time, tokens), 1) + self.position
        skips = []
        for block in self.first:
            x = block(x)
            skips.append(x)
        x = self.middle(x)
        for block in self.last:
            x = block(x, skips.pop())
        noise = self.head(self.norm(x))[:, 2:]
        return noise.transpose(1, 2).reshape(latent.shape)


def _uvit(
    channels: int, side: int, width: int, depth: int, heads: int, classes: int = 1000
) -> Sample:
    module = UViT(channels, side, width, depth, heads, classes)
    inputs = (floats(1, channels, side, side), integers(1000, 1), integers(classes, 1))
    return Sample(module, inputs)


RECIPES: Recipes = {
    "uvit_s_512px_f32": partial(_uvit, 32, 16, 512, 12, 8),
    "uvit_h_512px_f32": partial(_uvit, 32, 16, 1152, 28, 16),
    "uvit_h_512px_f64": partial(_uvit, 128, 8, 1152, 28, 16),
    "uvit_2b_512px_f32": partial(_uvit, 32, 16, 2048, 28, 32),
    "uvit_2b_512px_f64": partial(_uvit, 128, 8, 2048, 28, 32),
    "uvit_tiny": partial(_uvit, 4, 4, 32, 4, 4, 10),
}
