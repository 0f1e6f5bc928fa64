"""What HART does between two stages: the image so far, and the tokens of the next resolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

__all__ = ["Between"]


class Between(nn.Module):
    """Probabilities of codes [1, p^2, codes] and the latent so far [1, C, S, S] to the tokens
    [1, n^2, width] of the next stage and the new latent.

    The expected vector of the codebook at each of p x p places is scaled up (bicubic), goes half
    through a 3x3 convolution, and is added; the sum is averaged down to n x n and embedded.
    """

    def __init__(self, codes: int, channels: int, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.codebook = nn.Parameter(torch.randn(codes, channels))
        self.phi = nn.Conv2d(channels, channels, 3, padding=1)
        self.embed = nn.Linear(channels, width)

    def forward(self, probabilities: Any, latent: Any) -> Any:
        """The embedded tokens, and the latent with the scaled-up codes added."""
        vectors = (probabilities @ self.codebook).transpose(1, 2)
        grid = round(vectors.shape[2] ** 0.5)
        x = vectors.reshape(1, -1, grid, grid)
        x = interpolate(x, size=tuple(latent.shape[2:]), mode="bicubic")
        latent = latent + 0.5 * x + 0.5 * self.phi(x)
        x = interpolate(latent, size=(self.side, self.side), mode="area")
        return self.embed(x.flatten(2).transpose(1, 2)), latent
