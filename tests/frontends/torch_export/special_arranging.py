"""Operators that only arrange elements, at special values."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812

from tests.frontends.torch_export.special import IMAGE, INF, NAN
from tests.frontends.torch_export.special_operands import (
    COLUMNS,
    ROW,
    WHOLE,
    Cases,
    free,
    one,
    view,
)

__all__ = ["ARRANGING"]

ARRANGING: dict[str, Cases] = {
    "pad": [
        free(lambda x, v=v: F.pad(x, (1, 2, 0, 1), value=v), ROW)
        for v in (0.0, INF, -INF, NAN, -0.0)
    ]
    + [free(lambda x, v=v: F.pad(x > 0, (1, 2), value=v), ROW) for v in (0, 0.5, 3)],
    "constant_pad_nd": [
        one([1, 1], -INF, operand=ROW),
        one([1, 1], 7, operand=WHOLE),
        one([-1, 1], 0.0, operand=ROW),
    ],
    "cat": [free(lambda x: torch.cat([x, x[:2]]), ROW)],
    "concat": [free(lambda x: torch.concat([x, x[:, :2]], 1), ROW)],
    "stack": [free(lambda x: torch.stack([x, x], -1), ROW)],
    "embedding": [free(lambda x, i: F.embedding(i, x), ROW, torch.tensor([[5, 0], [15, 8]]))],
    "index": [free(lambda x, i: x[:, i], ROW, torch.tensor([-1, 0]))],
    "index_select": [free(lambda x, i: x.index_select(0, i), ROW, torch.tensor([6, 8]))],
    "gather": [free(lambda x, i: x.gather(1, i), ROW, torch.tensor([[1, 3]] * 16))],
    "take": [free(lambda x, i: x.take(i), ROW, torch.tensor([[-1, 3], [5, 7]]))],
    "take_along_dim": [
        free(lambda x, i: torch.take_along_dim(x, i, 1), ROW, torch.tensor([[-1, 3]]))
    ],
    "contiguous": view(),
    "clone": view(),
    "detach": view(),
    "detach_": [free(lambda x: (x * 1.0).detach_() * 1.0, ROW)],
    "lift_fresh_copy": view(),
    "dropout": view(0.5, False),
    "feature_dropout": view(0.5, False),
    "view": view([4, 16]),
    "reshape": view([-1, 8]),
    "_unsafe_view": view([4, 16]),
    "flatten": view(1),
    "unflatten": view(2, [4, 4]),
    "view_as": [free(lambda x, y: x.view_as(y) * 1.0, ROW, COLUMNS)],
    "reshape_as": [free(lambda x, y: x.reshape_as(y) * 1.0, ROW, COLUMNS)],
    "transpose": view(-1, 0),
    "swapaxes": view(-1, 0),
    "t": view(operand=ROW),
    "numpy_T": view(),
    "mT": view(),
    "permute": view([2, -3, 1]),
    "movedim": [*view(-1, 0), *view([0, 1], [-1, 0])],
    "unsqueeze": [*view(-1), *view(-4)],
    "squeeze": [*view(operand=ROW[:1]), *view(-2, operand=ROW[:1]), *view([0, 1], operand=ROW[:1])],
    "expand": view([3, 2, 2, 16]),
    "expand_as": [free(lambda x, y: x.expand_as(y) * 1.0, ROW[:1], ROW)],
    "broadcast_to": view([3, 2, 2, 16]),
    "slice": [*view(-1, -5, None), *view(2, 3, -2, 3), *view(1, -99, 99)],
    "narrow": [*view(-1, -5, 4), *view(2, 3, 4)],
    "select": [*view(-1, -3), *view(1, 0)],
    "unbind": view(-2),
    "chunk": view(3, -1),
    "split": view(5, -1),
    "split_with_sizes": view([3, 13], -1),
    "tensor_split": view(3, 2),
    "repeat": view([2, 1, 1, 3]),
    "tile": view([2, 3]),
    "repeat_interleave": [*view(2, -1), *view(2)],
    "flip": view([-1, 0]),
    "roll": [*view([3], [-1]), *view([1, -2], [0, 2]), *view([5])],
    "pixel_shuffle": view(2, operand=IMAGE.repeat(1, 2, 1, 1)),
    "pixel_unshuffle": view(2, operand=IMAGE[:, :, :4]),
}
