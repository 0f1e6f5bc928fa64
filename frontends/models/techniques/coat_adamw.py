"""COAT's optimiser step (arXiv 2410.19313): AdamW whose moments are e4m3 numbers in groups of 128.

Before rounding, a group's magnitudes are raised to a power that spreads their range over that of
e4m3: relative to `centre`, the geometric mean of the largest and the least magnitude that isn't
zero. The power is a multiple of 1/16.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from frontends.models.sample import Recipes, Sample, floats

__all__ = ["RECIPES", "CoatAdamW", "compressed", "expanded"]

GROUP = 128
LARGEST = 448.0
TINY = 1e-30
STEPS = 16
NARROWEST = 1 / 16
"""Least logarithm of largest over least: a group of equal magnitudes needs no infinite power."""

Moment = tuple[Tensor, Tensor, Tensor, Tensor]
"""Numbers [G, 128] in e4m3; scale, power and centre [G, 1]."""


def compressed(x: Tensor) -> Moment:
    """Groups [G, 128] as e4m3 numbers. A group of zeros stays one."""
    size = x.abs()
    most = size.amax(-1, keepdim=True) + TINY
    least = torch.where(size == 0, math.inf, size).amin(-1, keepdim=True) + TINY
    least = torch.minimum(least, most)
    centre = most.sqrt() * least.sqrt()
    spread = (most / least).log().clamp_min(NARROWEST)  # the base of logarithms cancels
    power = (math.log(LARGEST**2 / 2) / spread * STEPS).floor() / STEPS
    scale = (most / centre).pow(power) / LARGEST
    raised = x.sign() * (size / centre).pow(power)
    return (raised / scale).to(torch.float8_e4m3fn), scale, power, centre


def expanded(moment: Moment) -> Tensor:
    """The groups [G, 128] that a moment stands for."""
    q8, scale, power, centre = moment
    y = q8.to(scale.dtype) * scale
    return y.sign() * y.abs().pow(1 / power) * centre


class CoatAdamW(nn.Module):
    """One step of AdamW on a weight [N, K], given its gradient, both moments and the step's number.

    Gives the new weight and both moments. `step` has no dimension and counts from 1.
    """

    rate, beta1, beta2, eps, decay = 3e-4, 0.9, 0.95, 1e-8, 0.1

    def forward(self, weight: Any, gradient: Any, first: Moment, second: Moment, step: Any) -> Any:
        """The weight [N, K] after the step, with decay, and both moments compressed again."""
        shape = gradient.shape
        g = gradient.reshape(-1, GROUP)
        m = self.beta1 * expanded(first) + (1 - self.beta1) * g
        v = self.beta2 * expanded(second) + (1 - self.beta2) * g * g
        root = v.sqrt() / (1 - self.beta2**step).sqrt() + self.eps
        update = m / (root * (1 - self.beta1**step))
        new = weight - self.rate * (update.reshape(shape) + self.decay * weight)
        return new, compressed(m), compressed(v)


def _adamw(rows: int, columns: int) -> Sample:
    first = floats(rows * columns // GROUP, GROUP) * 1e-3
    second = floats(rows * columns // GROUP, GROUP).square() * 1e-6
    moments = compressed(first), compressed(second)
    weight, gradient = floats(rows, columns) * 0.02, floats(rows, columns) * 1e-3
    return Sample(CoatAdamW(), (weight, gradient, *moments, torch.full((), 5.0)))


RECIPES: Recipes = {
    "coat_adamw": partial(_adamw, 4096, 4096),
    "coat_adamw_tiny": partial(_adamw, 4, 192),
}
