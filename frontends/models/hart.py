"""HART (arXiv 2410.10812): the 14 stages of the decoder, the residual diffusion MLP, the VAE."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm, silu, softmax

from frontends.models.hart_between import Between
from frontends.models.layers import attend, heads_first, sinusoids
from frontends.models.sample import Recipes, Sample, floats, integers
from frontends.models.vae import Decoder

__all__ = ["RECIPES"]


def rms_norm(x: Any) -> Any:
    """x / sqrt(mean(x^2) + 1e-6) over the last dimension."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def grid_angles(side: int, largest: int, head: int, offset: int) -> Any:
    """RoPE angles [side^2, head]: rows in the first half, columns in the second.

    Coordinates are scaled to the `largest` grid and follow the text, which ends at `offset`.
    """
    rates = 10000 ** (-torch.arange(0, head, 4) / head)
    along = (torch.arange(side) * (largest / side) + offset)[:, None] * rates
    along = torch.cat((along, along), 1)
    rows, columns = along[:, None].expand(-1, side, -1), along[None].expand(side, -1, -1)
    return torch.cat((rows, columns), 2).reshape(side * side, head)


def text_angles(length: int, head: int) -> Any:
    """RoPE angles [length, head] of text, which is in one dimension."""
    rates = 10000 ** (-torch.arange(0, head, 2) / head)
    along = torch.arange(length)[:, None] * rates
    return torch.cat((along, along), 1)


def rotate(x: Any, angles: Any) -> Any:
    """x cos + (-second half, first half) sin, as the published code has it."""
    first, second = x.chunk(2, -1)
    return x * angles.cos() + torch.cat((-second, first), -1) * angles.sin()


class HartLayer(nn.Module):
    """Self attention onto cached and own tokens, then SwiGLU; both modulated by the text.

    The six rows of `table` plus the pooled text are gates, scales and shifts of the two halves.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.table = nn.Parameter(torch.randn(6, width) / width**0.5)
        self.norm1, self.norm2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.query, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width)
        self.gate, self.up = (nn.Linear(width, hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Any, text: Any, angles: Any, key: Any, value: Any) -> Any:
        parts = (self.table + text[:, None]).chunk(6, 1)
        gate1, gate2, scale1, scale2, shift1, shift2 = parts
        y = self.norm1 * rms_norm(x) * (1 + scale1) + shift1
        q = rotate(heads_first(self.query(y), self.heads), angles)
        own = rotate(heads_first(self.key(y), self.heads), angles)
        new = heads_first(self.value(y), self.heads)
        key, value = (
            (own, new) if key is None else (torch.cat((key, own), 2), torch.cat((value, new), 2))
        )
        y = self.out(attend(q, key, value, scale=0.25 / q.shape[-1] ** 0.5))
        x = x + gate1 * y
        y = self.norm2 * rms_norm(x) * (1 + scale2) + shift2
        y = self.down(silu(self.gate(y)) * self.up(y))
        return x + gate2 * y, key, value


class HartStage(nn.Module):
    """Tokens [1, side^2, width] of one resolution, text [1, width], and the cache of the earlier
    ones, to logits [1, side^2, codes] and the grown cache ([1, heads, length, d] per layer)."""

    def __init__(
        self, width: int, heads: int, hidden: int, layers: int, codes: int, grid: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.grid, self.head_size = grid, width // heads
        self.layers = nn.ModuleList(HartLayer(width, heads, hidden) for _ in range(layers))
        self.norm = nn.Parameter(torch.ones(width))
        self.head = nn.Linear(width, codes)

    def forward(self, x: Any, text: Any, keys: list[Any], values: list[Any]) -> Any:
        side, largest, offset = self.grid
        angles = grid_angles(side, largest, self.head_size, offset).to(x.device)
        return self.through(x, text, angles, keys, values)

    def through(self, x: Any, text: Any, angles: Any, keys: Any, values: Any) -> Any:
        """The layers, and the logits."""
        grown_keys, grown_values = [], []
        for layer, key, value in zip(self.layers, keys, values, strict=True):
            x, key, value = layer(x, text, angles, key, value)
            grown_keys.append(key)
            grown_values.append(value)
        return self.head(self.norm * rms_norm(x)), grown_keys, grown_values


class TextStage(nn.Module):
    """The first stage: text tokens [1, L, width] and no cache."""

    def __init__(self, stage: HartStage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, x: Any, text: Any) -> Any:
        angles = text_angles(x.shape[1], self.stage.head_size).to(x.device)
        none = [None] * len(self.stage.layers)
        return self.stage.through(x, text, angles, none, none)


class HartResidualBlock(nn.Module):
    """x + gate * MLP(norm(x) * (1 + scale) + shift), modulated per row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.linear1, self.linear2 = nn.Linear(width, width), nn.Linear(width, width)
        self.modulation = nn.Linear(width, 3 * width)

    def forward(self, x: Any, condition: Any) -> Any:
        shift, scale, gate = self.modulation(silu(condition)).chunk(3, -1)
        y = self.norm(x) * (1 + scale) + shift
        return x + gate * self.linear2(silu(self.linear1(y)))


class ResidualMLP(nn.Module):
    """Noisy residuals [rows, channels], steps [rows], conditions [rows, context] to noise and
    variance [rows, 2 * channels]: one step of the residual diffusion."""

    def __init__(self, channels: int, width: int, context: int, blocks: int, waves: int) -> None:
        super().__init__()
        self.waves = waves
        self.time1, self.time2 = nn.Linear(waves, width), nn.Linear(width, width)
        self.context, self.embed = nn.Linear(context, width), nn.Linear(channels, width)
        self.blocks = nn.ModuleList(HartResidualBlock(width) for _ in range(blocks))
        self.modulation = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, 2 * channels)

    def forward(self, x: Any, step: Any, context: Any) -> Any:
        time = self.time2(silu(self.time1(sinusoids(step, self.waves))))
        condition = time + self.context(context)
        x = self.embed(x)
        for block in self.blocks:
            x = block(x, condition)
        shift, scale = self.modulation(silu(condition)).chunk(2, -1)
        x = layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift
        return self.head(x)


def _stage(
    width: int, heads: int, hidden: int, layers: int, codes: int, grid: tuple[int, int, int],
    cached: int,
) -> Sample:  # fmt: skip
    module = HartStage(width, heads, hidden, layers, codes, grid)
    shape = (1, heads, cached, width // heads)
    keys, values = ([floats(*shape) for _ in range(layers)] for _ in range(2))
    return Sample(module, (floats(1, grid[0] ** 2, width), floats(1, width), keys, values))


def _text(width: int, heads: int, hidden: int, layers: int, codes: int, length: int) -> Sample:
    module = TextStage(HartStage(width, heads, hidden, layers, codes, (1, 1, 0)))
    return Sample(module, (floats(1, length, width), floats(1, width)))


def _between(codes: int, channels: int, width: int, side: int, now: int, then: int) -> Sample:
    probabilities = softmax(floats(1, now * now, codes), 2)
    module = Between(codes, channels, width, then)
    return Sample(module, (probabilities, floats(1, channels, side, side)))


def _mlp(rows: int, channels: int, width: int, context: int, blocks: int, waves: int) -> Sample:
    module = ResidualMLP(channels, width, context, blocks, waves)
    return Sample(module, (floats(rows, channels), integers(1000, rows), floats(rows, context)))


def _vae(channels: int, side: int, width: int, multiples: tuple[int, ...], groups: int) -> Sample:
    module = Decoder(channels, width, multiples, blocks=3, groups=groups)
    return Sample(module, (floats(1, channels, side, side),))


_SIDES = (1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64)
"""Of the grids of tokens; the first stage takes the text instead."""
_TEXT = 300


def _cached(stage: int) -> int:
    """Tokens of the stages before, of which the first is the text."""
    return _TEXT + sum(side**2 for side in _SIDES[1 : stage - 1])


RECIPES: Recipes = {
    "hart_residual_mlp": partial(_mlp, 4096, 32, 1024, 1536, 6, 256),
    "hart_decoder_stage1": partial(_text, 1536, 24, 4096, 24, 4096, _TEXT),
    **{
        f"hart_decoder_stage{k}": partial(
            _stage, 1536, 24, 4096, 24, 4096, (_SIDES[k - 1], 64, _TEXT - 1), _cached(k)
        )
        for k in range(2, 15)
    },
    **{
        f"hart_between{k}": partial(_between, 4096, 32, 1536, 64, _SIDES[k - 1], _SIDES[k])
        for k in range(1, 14)
    },
    "hart_vae_decoder_1024px": partial(_vae, 32, 64, 160, (1, 1, 2, 2, 4), 32),
    "hart_residual_mlp_tiny": partial(_mlp, 6, 4, 32, 24, 2, 16),
    "hart_text_tiny": partial(_text, 32, 2, 48, 2, 20, 5),
    "hart_between_tiny": partial(_between, 20, 4, 32, 8, 3, 5),
    "hart_decoder_tiny": partial(_stage, 32, 2, 48, 2, 20, (4, 8, 4), 7),
    "hart_vae_decoder_tiny": partial(_vae, 4, 4, 8, (1, 2), 4),
}
