"""Image classifiers: torchvision's AlexNet, and timm's convolutional and hybrid networks."""

from __future__ import annotations

from functools import partial
from typing import Any

import timm
import torchvision
from timm.models import efficientvit_mit, hrnet
from timm.models.resnet import Bottleneck, ResNet
from torch import nn

from frontends.models.sample import Recipes, Sample, floats

__all__ = ["RECIPES"]


def _image(module: Any, pixels: int) -> Sample:
    return Sample(module, (floats(1, 3, pixels, pixels),))


def _timm(name: str, pixels: int, **options: Any) -> Sample:
    return _image(timm.create_model(name, pretrained=False, **options), pixels)


def _alexnet() -> Sample:
    return _image(torchvision.models.alexnet(), 224)


def _alexnet_tiny() -> Sample:
    """Its sequence of layers: overlapping max pools, adaptive average pool, three linears."""

    def conv(c_in: int, c_out: int, kernel: int, stride: int, padding: int) -> list[Any]:
        return [nn.Conv2d(c_in, c_out, kernel, stride, padding), nn.ReLU(inplace=True)]

    def linear(c_in: int, c_out: int) -> list[Any]:
        return [nn.Dropout(), nn.Linear(c_in, c_out), nn.ReLU(inplace=True)]

    pool = partial(nn.MaxPool2d, 3, 2)
    features = [*conv(3, 8, 11, 4, 2), pool(), *conv(8, 12, 5, 1, 2), pool()]
    features += [*conv(12, 16, 3, 1, 1), *conv(16, 12, 3, 1, 1), *conv(12, 12, 3, 1, 1), pool()]
    head = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), *linear(48, 32), *linear(32, 32)]
    return _image(nn.Sequential(*features, *head, nn.Linear(32, 10)), 95)


def _resnet_tiny() -> Sample:
    widths = (8, 16, 24, 32)
    return _image(ResNet(Bottleneck, (1, 1, 1, 1), 10, stem_width=8, channels=widths), 64)


def _coatnet_tiny() -> Sample:
    options = {"embed_dim": (16, 24, 32, 64), "depths": (1, 1, 1, 1), "stem_width": (8, 16)}
    return _timm("coatnet_0_224", 64, img_size=64, num_classes=10, **options)


def _efficientvit_b_tiny() -> Sample:
    widths, depths = (8, 16, 24, 32, 48), (1, 1, 1, 1, 1)
    return _image(
        efficientvit_mit.EfficientVit(
            widths=widths, depths=depths, head_dim=16, head_widths=(64, 48), num_classes=10
        ),
        64,
    )


def _efficientvit_l_tiny() -> Sample:
    widths, depths = (8, 16, 24, 32, 48), (1, 1, 1, 1, 1)
    return _image(
        efficientvit_mit.EfficientVitLarge(
            widths=widths, depths=depths, head_dim=16, head_widths=(64, 48), num_classes=10
        ),
        64,
    )


def _hrnet_stage(block: str, *channels: int) -> dict[str, Any]:
    count = len(channels)
    return {
        "num_modules": 1,
        "num_branches": count,
        "block_type": block,
        "num_blocks": (1,) * count,
        "num_channels": channels,
        "fuse_method": "SUM",
    }


def _hrnet_tiny() -> Sample:
    widths = (4, 8, 12, 16)
    stages = {f"stage{n}": _hrnet_stage("BASIC", *widths[:n]) for n in (2, 3, 4)}
    config = {"stem_width": 8, "stage1": _hrnet_stage("BOTTLENECK", 4), **stages}
    return _image(hrnet.HighResolutionNetFeatures(config, feature_location=""), 64)


RECIPES: Recipes = {
    "alexnet": _alexnet,
    "mobilenetv2": partial(_timm, "mobilenetv2_100", 224),
    "resnet50": partial(_timm, "resnet50", 224),
    "efficientnetv2_s_300px": partial(_timm, "efficientnetv2_s", 300),
    "efficientnetv2_s_384px": partial(_timm, "tf_efficientnetv2_s", 384),
    "coatnet_0": partial(_timm, "coatnet_0_224", 224),
    "coatnet_0_rw": partial(_timm, "coatnet_0_rw_224", 224),
    "efficientvit_b3": partial(_timm, "efficientvit_b3", 224),
    "efficientvit_l2_384px": partial(_timm, "efficientvit_l2", 384),
    "hrnet_w48": partial(_timm, "hrnet_w48", 224),
    "alexnet_tiny": _alexnet_tiny,
    "mobilenetv2_tiny": partial(_timm, "mobilenetv2_035", 64, num_classes=10),
    "resnet_tiny": _resnet_tiny,
    "efficientnetv2_tiny": partial(
        _timm, "efficientnetv2_s", 64, num_classes=10, channel_multiplier=0.2, depth_multiplier=0.2
    ),
    "coatnet_tiny": _coatnet_tiny,
    "efficientvit_b_tiny": _efficientvit_b_tiny,
    "efficientvit_l_tiny": _efficientvit_l_tiny,
    "hrnet_tiny": _hrnet_tiny,
}
