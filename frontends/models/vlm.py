"""Vision towers and projectors of VILA and NVILA (arXiv 2412.04468).

Their language models are the entries qwen2_7b_* and llama3_8b_*.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, interpolate, pad
from transformers import SiglipVisionConfig, SiglipVisionModel

from frontends.models.sample import Recipes, Sample, floats

__all__ = ["RECIPES"]


def space_to_depth(x: Any, block: int) -> Any:
    """[N, G, G, C] to [N, g * g, block^2 * C] with g = ceil(G / block), zeros at the end.

    out[.., y * g + x, (dy * block + dx) * C + c] = in[.., block * y + dy, block * x + dx, c]
    """
    count, grid, _, channels = x.shape
    missing = -grid % block
    x = pad(x, (0, 0, 0, missing, 0, missing))
    side = (grid + missing) // block
    x = x.reshape(count, side, block, side, block, channels).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(count, side * side, block * block * channels)


class Projector2x2(nn.Module):
    """`mlp_downsample`: layer norm, linear, GELU, linear."""

    block = 2

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.linear1, self.linear2 = nn.Linear(4 * channels, width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        return self.linear2(gelu(self.linear1(self.norm(x))))


class Projector3x3(nn.Module):
    """`mlp_downsample_3x3_fix`: a 9C to 3C layer, then a 3C to width layer, each normalised."""

    block = 3

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(9 * channels), nn.LayerNorm(3 * channels)
        self.linear1 = nn.Linear(9 * channels, 3 * channels)
        self.linear2, self.linear3 = nn.Linear(3 * channels, width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        x = self.norm2(gelu(self.linear1(self.norm1(x))))
        return self.linear3(gelu(self.linear2(x)))


class Vision(nn.Module):
    """Tiles [N, 3, P, P] to tokens [N, tokens a tile, width of the language model].

    The features are those before the last layer, as in VILA; the last layer is dead code.
    """

    def __init__(self, tower: Any, projector: Any) -> None:
        super().__init__()
        self.tower, self.projector = tower, projector

    def forward(self, tiles: Any) -> Any:
        x = self.tower(pixel_values=tiles, output_hidden_states=True).hidden_states[-2]
        count, tokens, channels = x.shape
        grid = round(tokens**0.5)
        x = x.reshape(count, grid, grid, channels)
        return self.projector(space_to_depth(x, self.projector.block))


class DynamicS2(Vision):
    """NVILA's scaling of one image: tiles [1 + 4 + 9 .., 3, P, P] of the scales 1, 2, 3 .. in rows
    to tokens [tiles of the last scale, tokens a tile, width].

    The tiles of a scale are stitched, all scales are brought to the last one's size by averaging,
    and their channels are joined; that is cut into tiles again.
    """

    def __init__(self, tower: Any, projector: Any, scales: int) -> None:
        super().__init__(tower, projector)
        self.scales = scales

    def forward(self, tiles: Any) -> Any:
        x = self.tower(pixel_values=tiles, output_hidden_states=True).hidden_states[-2]
        grid, channels = round(x.shape[1] ** 0.5), x.shape[2]
        side, parts, first = self.scales * grid, [], 0
        for s in range(1, self.scales + 1):
            part = x[first : first + s * s].reshape(s, s, grid, grid, channels)
            whole = part.permute(4, 0, 2, 1, 3).reshape(1, channels, s * grid, s * grid)
            parts.append(interpolate(whole, size=(side, side), mode="area"))
            first += s * s
        x = torch.cat(parts, 1).reshape(-1, self.scales, grid, self.scales, grid)
        x = x.permute(1, 3, 2, 4, 0).reshape(self.scales**2, grid, grid, -1)
        return self.projector(space_to_depth(x, self.projector.block))


_SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "patch_size": 14,
}
_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 16,
}
_TINY = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "patch_size": 4,
}


def _tower(pixels: int, options: dict[str, int]) -> Any:
    config = SiglipVisionConfig(image_size=pixels, vision_use_head=False, **options)
    config._attn_implementation = "sdpa"
    return SiglipVisionModel(config)


def _siglip(pixels: int, options: dict[str, int]) -> Sample:
    return Sample(_tower(pixels, options), (floats(1, 3, pixels, pixels),))


def _vision(pixels: int, tiles: int, options: dict[str, int], projector: Any, width: int) -> Sample:
    module = Vision(_tower(pixels, options), projector(options["hidden_size"], width))
    return Sample(module, (floats(tiles, 3, pixels, pixels),))


def _s2(pixels: int, scales: int, options: dict[str, int], width: int) -> Sample:
    projector = Projector2x2(scales * options["hidden_size"], width)
    module = DynamicS2(_tower(pixels, options), projector, scales)
    tiles = sum(s * s for s in range(1, scales + 1))
    return Sample(module, (floats(tiles, 3, pixels, pixels),))


RECIPES: Recipes = {
    "siglip_so400m_384px": partial(_siglip, 384, _SO400M),
    "siglip_so400m_448px": partial(_siglip, 448, _SO400M),
    "siglip_large_256px": partial(_siglip, 256, _LARGE),
    "nvila_8b_vision_1tile": partial(_vision, 448, 1, _SO400M, Projector2x2, 3584),
    "nvila_8b_vision_5tiles": partial(_vision, 448, 5, _SO400M, Projector2x2, 3584),
    "nvila_8b_vision_s2_14tiles": partial(_s2, 448, 3, _SO400M, 3584),
    "longvila_7b_vision_64frames": partial(_vision, 448, 64, _SO400M, Projector2x2, 3584),
    "longvila_7b_vision_74frames": partial(_vision, 448, 74, _SO400M, Projector2x2, 3584),
    "nvila_lite_8b_vision_1tile": partial(_vision, 448, 1, _SO400M, Projector3x3, 3584),
    "vila15_8b_vision": partial(_vision, 384, 1, _SO400M, Projector2x2, 4096),
    "siglip_tiny": partial(_siglip, 16, _TINY),
    "nvila_vision_tiny": partial(_vision, 16, 2, _TINY, Projector2x2, 24),
    "nvila_s2_vision_tiny": partial(_s2, 16, 3, _TINY, 24),
    "nvila_lite_vision_tiny": partial(_vision, 16, 1, _TINY, Projector3x3, 24),
    "vila15_vision_tiny": partial(_vision, 20, 1, _TINY, Projector2x2, 24),
}
