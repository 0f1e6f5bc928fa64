"""VILA-U (arXiv 2409.04429): residual quantisation of features, the depth transformer, the decoder."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import embedding

from frontends.models.layers import Block
from frontends.models.sample import Recipes, Sample, floats, integers
from frontends.models.vae import Decoder

__all__ = ["RECIPES"]


class Quantiser(nn.Module):
    """Features [rows, C] to codes [rows, depth] and the sum of their vectors [rows, C].

    k_d = argmin_k |r - e_k|^2 = argmin_k |e_k|^2 - 2 r . e_k, then r <- r - e_(k_d).
    """

    def __init__(self, codes: int, channels: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.codebook = nn.Parameter(torch.randn(codes, channels))

    def forward(self, features: Any) -> Any:
        residual, chosen = features, []
        norms = self.codebook.square().sum(1)
        for _ in range(self.depth):
            distance = norms - 2 * residual @ self.codebook.T
            chosen.append(distance.argmin(1))
            residual = residual - embedding(chosen[-1], self.codebook)
        return torch.stack(chosen, 1), features - residual


class DepthTransformer(nn.Module):
    """Contexts [P, context] and codes [P, D] to logits [P, D, codes], D positions each.

    The token of depth 0 is the language model's output; the token of depth d is the sum of the
    vectors of the codes before d.
    """

    def __init__(
        self, codes: int, width: int, context: int, depth: int, layers: int, heads: int
    ) -> None:
        super().__init__()
        self.codebook = nn.Embedding(codes, width)
        self.from_code, self.from_context = nn.Linear(width, width), nn.Linear(context, width)
        self.position = nn.Parameter(0.02 * torch.randn(1, depth, width))
        self.blocks = nn.ModuleList(
            Block(width, heads, bias=True, causal=True) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, codes)

    def forward(self, context: Any, codes: Any) -> Any:
        sums = self.from_code(self.codebook(codes).cumsum(1))
        x = torch.cat((self.from_context(context)[:, None], sums[:, :-1]), 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def _quantiser(rows: int, codes: int, channels: int, depth: int) -> Sample:
    return Sample(Quantiser(codes, channels, depth), (floats(rows, channels),))


def _depth(
    positions: int, codes: int, width: int, context: int, depth: int, layers: int, heads: int
) -> Sample:
    module = DepthTransformer(codes, width, context, depth, layers, heads)
    return Sample(module, (floats(positions, context), integers(codes, positions, depth)))


def _decoder(
    channels: int, side: int, width: int, multiples: tuple[int, ...], groups: int
) -> Sample:
    module = Decoder(channels, width, multiples, blocks=3, groups=groups)
    return Sample(module, (floats(1, channels, side, side),))


RECIPES: Recipes = {
    "vilau_vision_decoder_256px": partial(_decoder, 1024, 16, 128, (1, 1, 2, 2, 4), 32),
    "vilau_vision_decoder_tiny": partial(_decoder, 16, 4, 8, (1, 2), 4),
    "vilau_depth_transformer": partial(_depth, 256, 16384, 1024, 4096, 4, 6, 16),
    "vilau_quantiser_256px": partial(_quantiser, 256, 16384, 1024, 4),
    "vilau_depth_transformer_tiny": partial(_depth, 4, 24, 32, 40, 3, 2, 4),
    "vilau_quantiser_tiny": partial(_quantiser, 5, 24, 8, 3),
}
