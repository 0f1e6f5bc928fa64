"""SegFormer, and the stages of SparseRefine (arXiv 2407.14605) as dense masked tensors."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import max_pool2d, softmax
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from frontends.models.sample import Recipes, Sample, floats

__all__ = ["RECIPES"]

_CLASSES = 19


class EntropySelector(nn.Module):
    """Logits [1, classes, H, W] to the entropy [1, 1, H, W] of each pixel and the mask of
    those whose entropy exceeds the threshold; probabilities are clamped at 1e-5."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, logits: Any) -> Any:
        probability = softmax(logits, 1).clamp(min=1e-5)
        entropy = -(probability * probability.log()).sum(1, keepdim=True)
        return entropy, (entropy > self.threshold).float()


class MaskedConv(nn.Module):
    """Submanifold convolution: zero outside `sites` before, and outside `outputs` after."""

    def __init__(self, convolution: Any) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Any, sites: Any, outputs: Any) -> Any:
        return self.convolution(x * sites) * outputs


class ResidualBlock(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))), every convolution 3x3 and submanifold."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(c_in), nn.BatchNorm2d(c_out)
        self.conv1 = MaskedConv(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False))
        self.conv2 = MaskedConv(nn.Conv2d(c_out, c_out, 3, padding=1, bias=False))
        self.shortcut = nn.Conv2d(c_in, c_out, 1, bias=False) if c_in != c_out else nn.Identity()

    def forward(self, x: Any, mask: Any) -> Any:
        y = self.conv1(self.norm1(x).relu(), mask, mask)
        y = self.conv2(self.norm2(y).relu(), mask, mask)
        return self.shortcut(x) + y


class Blocks(nn.Module):
    """Two residual blocks on the same sites."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first, self.second = ResidualBlock(c_in, c_out), ResidualBlock(c_out, c_out)

    def forward(self, x: Any, mask: Any) -> Any:
        return self.second(self.first(x, mask), mask)


class SparseUNet(nn.Module):
    """Image [1, 3, H, W] and mask [1, 1, H, W] to logits [1, classes, H, W], zero off the mask.

    A coarse site is active if a 3x3 window of stride 2 over the finer mask touches an active one.
    """

    def __init__(self, planes: tuple[int, ...]) -> None:
        super().__init__()
        steps = tuple(pairwise(planes))
        self.stem = MaskedConv(nn.Conv2d(3, planes[0], 3, padding=1, bias=False))
        self.before = nn.ModuleList(Blocks(plane, plane) for plane in planes)
        self.down = nn.ModuleList(
            MaskedConv(nn.Conv2d(fine, coarse, 3, 2, 1, bias=False)) for fine, coarse in steps
        )
        self.up = nn.ModuleList(
            MaskedConv(nn.ConvTranspose2d(coarse, fine, 3, 2, 1, 1, bias=False))
            for fine, coarse in steps
        )
        self.after = nn.ModuleList(Blocks(2 * plane, plane) for plane in planes[:-1])
        self.head = nn.Conv2d(planes[0], _CLASSES, 1)

    def forward(self, image: Any, mask: Any) -> Any:
        masks, skips = [mask], []
        x = self.before[0](self.stem(image, mask, mask), mask)
        for down, blocks in zip(self.down, self.before[1:], strict=True):
            skips.append(x)
            masks.append(max_pool2d(masks[-1], 3, 2, 1))
            x = blocks(down(x, masks[-2], masks[-1]), masks[-1])
        for level in reversed(range(len(skips))):
            x = self.up[level](x, masks[level + 1], masks[level])
            x = self.after[level](torch.cat((x, skips[level]), 1), masks[level])
        return self.head(x) * mask


class GatedEnsemble(nn.Module):
    """Dense and refined logits [points, classes] to their mixture, weighted by a small network
    that sees both distributions and their entropies."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.gate = _mlp(2 * _CLASSES + 2, hidden, 2)
        self.head = _mlp(_CLASSES, hidden, _CLASSES)

    def forward(self, dense: Any, refined: Any) -> Any:
        features = []
        for logits in (dense, refined):
            probability = softmax(logits, 1)
            entropy = -(probability * probability.clamp(min=1e-5).log()).sum(1, keepdim=True)
            features += [probability, entropy]
        weight = softmax(self.gate(torch.cat(features, 1)), 1)
        return self.head(weight[:, :1] * dense + weight[:, 1:] * refined)


def _mlp(c_in: int, hidden: int, c_out: int) -> Any:
    return nn.Sequential(nn.Linear(c_in, hidden), nn.ReLU(), nn.Linear(hidden, c_out))


def _segformer(height: int, width: int, **options: Any) -> Sample:
    config = SegformerConfig(num_labels=_CLASSES, **options)
    return Sample(SegformerForSemanticSegmentation(config), (floats(1, 3, height, width),))


def _selector(height: int, width: int) -> Sample:
    return Sample(EntropySelector(0.1), (4 * floats(1, _CLASSES, height, width),))


def _unet(height: int, width: int, planes: tuple[int, ...]) -> Sample:
    mask = (torch.rand(1, 1, height, width) < 0.12).float()
    return Sample(SparseUNet(planes), (floats(1, 3, height, width), mask))


def _ensemble(points: int, hidden: int) -> Sample:
    return Sample(GatedEnsemble(hidden), (floats(points, _CLASSES), floats(points, _CLASSES)))


_B5 = {
    "depths": [3, 6, 40, 3],
    "hidden_sizes": [64, 128, 320, 512],
    "decoder_hidden_size": 768,
}
_TINY = {
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [8, 16, 20, 32],
    "decoder_hidden_size": 16,
}
RECIPES: Recipes = {
    "segformer_b5_512x1024": partial(_segformer, 512, 1024, **_B5),
    "sparserefine_selector_1024x2048": partial(_selector, 1024, 2048),
    "sparserefine_unet_1024x2048": partial(_unet, 1024, 2048, (32, 64, 128, 256, 512, 1024)),
    "sparserefine_ensemble_262144": partial(_ensemble, 262144, 64),
    "segformer_tiny": partial(_segformer, 64, 64, **_TINY),
    "sparserefine_selector_tiny": partial(_selector, 8, 8),
    "sparserefine_unet_tiny": partial(_unet, 16, 16, (4, 6, 8)),
    "sparserefine_ensemble_tiny": partial(_ensemble, 16, 12),
}
