"""The convolutional decoder of a VQ autoencoder, as HART's tokeniser has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate, silu, softmax

__all__ = ["Decoder"]


class VaeResidualBlock(nn.Module):
    """Twice group norm, SiLU and conv 3x3; the shortcut is a conv 1x1 if the widths differ."""

    def __init__(self, c_in: int, c_out: int, groups: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(groups, c_in), _norm(groups, c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.shortcut = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x: Any) -> Any:
        y = self.conv1(silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(silu(self.norm2(y)))


class PixelAttention(nn.Module):
    """One head over the pixels of [N, C, H, W]."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = _norm(groups, channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Any) -> Any:
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)
        weight = softmax(torch.bmm(q.transpose(1, 2), k) * x.shape[1] ** -0.5, 2)
        return x + self.out(torch.bmm(v, weight.transpose(1, 2)).reshape(x.shape))


class Upsample(nn.Module):
    """Nearest neighbour to twice the size, then conv 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Any) -> Any:
        return self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))


class Decoder(nn.Module):
    """Latent [N, channels, S, S] to image [N, 3, S f, S f], f = 2^(len(multiples) - 1).

    The lowest resolution has width * multiples[-1] channels and attention after every block.
    """

    def __init__(
        self, channels: int, width: int, multiples: tuple[int, ...], *, blocks: int, groups: int
    ) -> None:
        super().__init__()
        current = width * multiples[-1]
        layers: list[Any] = [
            nn.Conv2d(channels, current, 3, padding=1),
            VaeResidualBlock(current, current, groups),
            PixelAttention(current, groups),
            VaeResidualBlock(current, current, groups),
        ]
        for level, multiple in reversed(list(enumerate(multiples))):
            for _ in range(blocks):
                layers.append(VaeResidualBlock(current, width * multiple, groups))
                current = width * multiple
                if level == len(multiples) - 1:
                    layers.append(PixelAttention(current, groups))
            if level > 0:
                layers.append(Upsample(current))
        layers += [_norm(groups, current), nn.SiLU(), nn.Conv2d(current, 3, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        """The image [N, 3, S f, S f] of a latent [N, channels, S, S]."""
        return self.layers(x)


def _norm(groups: int, channels: int) -> Any:
    return nn.GroupNorm(groups, channels, eps=1e-6)
