"""Sums of products at special values, attention among them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812

from tests.frontends.torch_export.special import IMAGE, INF, NAN, SMALL, shuffled
from tests.frontends.torch_export.special_operands import (
    ATEN,
    LAYER,
    LINE,
    MATRIX,
    OTHER,
    TAPS,
    VOLUME,
    Case,
    Cases,
    free,
    two,
)

__all__ = ["PRODUCTS"]

STRIPES = torch.tensor(
    [[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1]]
).bool()
QUERY, KEY, VALUE = (
    shuffled([0.5, -1.0, 2.0, 0.1, -0.3], k, 2, 2, n, 3) for k, n in ((3, 5), (4, 4), (5, 4))
)
BAD_KEY = KEY.clone()
BAD_KEY[0, 0, 1], BAD_KEY[0, 1, 2, 0], BAD_KEY[1, 0, 3, 0] = NAN, INF, -INF
BAD_QUERY = QUERY.clone()
BAD_QUERY[:, :, 1, 0], BAD_QUERY[0, 1, 2] = -INF, NAN
BAD_VALUE = VALUE.clone()
BAD_VALUE[0, 0, 1, 0], BAD_VALUE[1, 1, 3, 2] = INF, NAN
FLOATS = torch.zeros(5, 4).masked_fill(~STRIPES, -INF)


def attended(*, mask: Any = None, given: bool = False, **named: Any) -> Callable[[Any], Case]:
    """Attention with special values; its mask is a constant, or an input."""
    operands = [BAD_QUERY, BAD_KEY, BAD_VALUE]

    def call(q: Any, k: Any, v: Any, m: Any = None) -> Any:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=m if given else mask, **named)

    return lambda op: (call, [*operands, mask] if given else operands)


def attention() -> Cases:
    """Masks of every kind, given and constant; causal ones; heads that share keys."""
    plain = [QUERY, KEY, VALUE]
    masks = [STRIPES, FLOATS, STRIPES[None, None].expand(2, 1, 5, 4), torch.zeros(5, 4).bool()]
    causal = functools.partial(F.scaled_dot_product_attention, is_causal=True)
    found = [
        attended(),
        attended(scale=0.0),
        free(lambda q, k, v: causal(q, k, v), QUERY, KEY, BAD_VALUE),
    ]
    for mask in masks:
        found += [attended(mask=mask), attended(mask=mask, given=True)]
        found.append(
            free(lambda q, k, v, mask=mask: F.scaled_dot_product_attention(q, k, v, mask), *plain)
        )
        found.append(free(F.scaled_dot_product_attention, *plain, mask))
    few, many = (
        shuffled([0.5, -1.0, 2.0, 0.1], k, 2, h, n, 3) for k, h, n in ((6, 4, 6), (7, 2, 3))
    )
    wide = torch.tensor([[1, 0, 1], [0, 0, 0]] * 3).bool()
    found.append(
        free(lambda q, k: F.scaled_dot_product_attention(q, k, k, wide, enable_gqa=True), few, many)
    )
    found.append(
        free(
            lambda q, k: F.scaled_dot_product_attention(q, k, k, is_causal=True, enable_gqa=True),
            few,
            many,
        )
    )
    each = STRIPES.repeat(2, 1, 1, 1)  # more queries than keys and values
    found.append(free(F.scaled_dot_product_attention, QUERY, KEY[:1], VALUE[:1], each))
    return found


PRODUCTS: dict[str, Cases] = {
    "linear": [free(F.linear, MATRIX, OTHER[0].t().contiguous(), LAYER)],
    "matmul": [two(MATRIX, OTHER), two(MATRIX, OTHER[0]), two(MATRIX, OTHER[0, :, 0])],
    "bmm": [two(MATRIX, OTHER)],
    "mm": [two(MATRIX[0], OTHER[0])],
    "mv": [two(MATRIX[0], OTHER[0, :, 0])],
    "dot": [two(MATRIX[0, 0], OTHER[0, :, 0])],
    "outer": [two(MATRIX[0, 0], OTHER[0, 0])],
    "addmm": [
        free(
            lambda b, x, y, beta=beta, alpha=alpha: torch.addmm(b, x, y, beta=beta, alpha=alpha),
            OTHER[1, :4],
            MATRIX[0],
            OTHER[0],
        )
        for beta, alpha in ((1, 1), (0, 1), (0, 0.5), (0.5, 2))
    ],
    "baddbmm": [
        free(
            lambda b, x, y, beta=beta: torch.baddbmm(b, x, y, beta=beta),
            shuffled(SMALL, 9, 3, 4, 4),
            MATRIX,
            OTHER,
        )
        for beta in (1, 0, 0.5)
    ],
    "einsum": [
        free(lambda x, y: torch.einsum("bij,bjk->bik", x, y), MATRIX, OTHER),
        free(lambda x: torch.einsum("bij->bi", x), MATRIX),
        free(lambda x, y: torch.einsum("bij,bij->bij", x, y), MATRIX, MATRIX + 1),
    ],
    "conv1d": [
        free(lambda x: F.conv1d(x, TAPS[:, :, :, 0, 0], padding=1), LINE),
        free(lambda x: F.conv1d(x, TAPS[:, :, :, 0, 0], padding="same", dilation=2), LINE),
    ],
    "conv2d": [
        free(lambda x: F.conv2d(x, TAPS[..., 0], LAYER[:3], 2, 1), IMAGE),
        free(lambda x: F.conv2d(x, TAPS[:2, :1, ..., 0], padding=1, groups=2), IMAGE),
    ],
    "conv3d": [free(lambda x: F.conv3d(x, TAPS, padding=1), VOLUME)],
    "convolution": [
        free(
            lambda x: ATEN.convolution(
                x, TAPS[..., 0], None, [1, 2], [1, 0], [1, 1], False, [0, 0], 1
            ),
            IMAGE,
        )
    ],
    "conv_transpose1d": [
        free(lambda x: F.conv_transpose1d(x, TAPS[:2, :, :, 0, 0], stride=2, padding=1), LINE)
    ],
    "conv_transpose2d": [
        free(
            lambda x: F.conv_transpose2d(
                x, TAPS[:2, ..., 0], stride=2, padding=1, output_padding=1
            ),
            IMAGE,
        )
    ],
    "conv_transpose3d": [free(lambda x: F.conv_transpose3d(x, TAPS[:2], stride=1), VOLUME[:2])],
    "scaled_dot_product_attention": attention(),
}
