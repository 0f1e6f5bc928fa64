"""Operators along rows and windows, at special values: sums, maxima, norms, orders, pooling."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812

from tests.frontends.torch_export.special import IMAGE
from tests.frontends.torch_export.special_operands import (
    ATEN,
    BY_ROW,
    CHANNEL,
    COLUMNS,
    LAYER,
    LINE,
    REAL,
    ROW,
    VOLUME,
    WHOLE,
    Cases,
    free,
    one,
)

__all__ = ["ROWWISE"]

ROWWISE: dict[str, Cases] = {
    "softmax": [
        *BY_ROW[:2],
        free(lambda x: x.softmax(1, dtype=torch.float64), ROW),
        free(lambda x: x.half().softmax(1, dtype=torch.float32), ROW),
    ],
    "_softmax": [one(1, False, operand=ROW)],
    "log_softmax": [
        *BY_ROW[:2],
        free(lambda x: x.log_softmax(-1).exp(), ROW),
        free(lambda x: x.log_softmax(1, dtype=torch.float64), ROW),
    ],
    "_log_softmax": [one(1, False, operand=ROW)],
    "sum": [
        *BY_ROW,
        free(lambda x: x.sum(), ROW[:1]),
        free(lambda x: (x > 0).sum(1), ROW),
        free(lambda x: x.sum(0), WHOLE.int()),
        free(lambda x: x.to(torch.int8).sum(), WHOLE),
        free(lambda x: x.half().sum(1, dtype=torch.float32), ROW),
        free(lambda x: x.sum(1, dtype=torch.float64), ROW),
    ],
    "mean": [
        *BY_ROW,
        free(lambda x: x.mean(), ROW[:1]),
        free(lambda x: x.mean(0, dtype=torch.float32), WHOLE),
        free(lambda x: x.mean(1, dtype=torch.float64), ROW),
    ],
    "amax": BY_ROW,
    "amin": BY_ROW,
    "any": [*BY_ROW, free(lambda x: x.any(), ROW)],
    "argmax": [*BY_ROW, free(lambda x: x.argmax(), ROW), free(lambda x: x.argmax(0), WHOLE)],
    "argmin": [*BY_ROW, free(lambda x: x.argmin(), COLUMNS)],
    "max": BY_ROW,
    "min": BY_ROW,
    "cumsum": [
        *BY_ROW[:2],
        free(lambda x: (x > 0).cumsum(1), ROW),
        free(lambda x: x.half().cumsum(1, dtype=torch.float32), ROW),
    ],
    "layer_norm": [one([4], operand=ROW), free(lambda x: F.layer_norm(x, (4,), LAYER, LAYER), ROW)],
    "rms_norm": [
        free(lambda x: F.rms_norm(x, (4,)), ROW),
        free(lambda x: F.rms_norm(x, (4,), LAYER, 1e-5), ROW),
        free(lambda x: F.rms_norm(x.double(), (4,)), ROW * 1e-7),
    ],
    "group_norm": [free(lambda x: F.group_norm(x, 2, *CHANNEL[:2]), IMAGE)],
    "batch_norm": [
        free(lambda x: F.batch_norm(x, CHANNEL[0], CHANNEL[3], CHANNEL[2], CHANNEL[1]), IMAGE)
    ],
    "_native_batch_norm_legit_no_training": [
        free(
            lambda x: ATEN._native_batch_norm_legit_no_training(
                x, CHANNEL[0], CHANNEL[1], CHANNEL[2], CHANNEL[3], 0.1, 1e-5
            )[0],
            IMAGE,
        )
    ],
    "var": [free(lambda x: x.var(1), ROW), free(lambda x: x.var(1, correction=0), ROW)],
    "linalg_vector_norm": [free(lambda x: torch.linalg.vector_norm(x, dim=1), ROW)],
    "norm": [free(lambda x: ATEN.norm.ScalarOpt_dim(x, 2, [1]), ROW)],
    "topk": [
        free(lambda x: x.topk(2, 1)[0], ROW),
        free(lambda x: x.topk(3, 0, largest=False)[0], ROW),
    ],
    "sort": [
        free(lambda x: x.sort(dim=1, stable=True), ROW),
        free(lambda x: x.sort(dim=0, descending=True, stable=True), ROW),
        free(lambda x: x.sort(stable=True), REAL),
        free(lambda x: x.sort(0), WHOLE),
    ],
    "argsort": [
        free(lambda x: torch.argsort(x, stable=True), REAL),
        free(lambda x: torch.argsort(x, dim=1, descending=True, stable=True), ROW),
    ],
    **{
        f"max_pool{k}d": [
            one(2, operand=x),
            one(3, 2, 1, operand=x),
            one(2, 2, 0, 2, operand=x),
            one(2, 3, 0, 1, True, operand=x),
        ]
        for k, x in ((1, LINE), (2, IMAGE), (3, VOLUME))
    },
    **{
        f"avg_pool{k}d": [
            one(2, operand=x),
            one(3, 2, 1, operand=x),
            one(3, 2, 1, False, False, operand=x),
            one(2, 2, 0, True, operand=x),
            one(3, 2, 1, True, False, operand=x),
            one(3, 2, 1, True, True, operand=x),
        ]
        for k, x in ((1, LINE), (2, IMAGE), (3, VOLUME))
    },
    "adaptive_avg_pool1d": [one(2, operand=LINE)],
    "adaptive_avg_pool2d": [
        one([1, 1], operand=IMAGE),
        one([5, 3], operand=IMAGE),
        one([3, 4], operand=IMAGE),
        one([7, 6], operand=IMAGE),
    ],
    "_adaptive_avg_pool2d": [one([2, 2], operand=IMAGE)],
    "upsample_bilinear2d": [
        free(lambda x, s=s, a=a: F.interpolate(x, size=s, mode="bilinear", align_corners=a), IMAGE)
        for s in ((10, 12), (3, 4), (7, 6))
        for a in (False, True)
    ],
    "upsample_bicubic2d": [
        free(
            lambda x, s=s, a=a: F.interpolate(x, size=s, mode="bicubic", align_corners=a), IMAGE[:4]
        )
        for s in ((10, 12), (4, 4))
        for a in (False, True)
    ],
    "upsample_nearest2d": [free(lambda x: F.interpolate(x, scale_factor=2) * 1.0, IMAGE)],
}
