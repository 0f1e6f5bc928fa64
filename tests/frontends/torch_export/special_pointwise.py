"""Operators on each element by itself, at special values."""

from __future__ import annotations

import torch

from tests.frontends.torch_export.special import INF, NAN
from tests.frontends.torch_export.special_operands import (
    BOOLS,
    LEFT,
    REAL,
    RIGHT,
    ROW,
    WHOLE,
    WHOLES,
    Cases,
    by,
    free,
    one,
    two,
)

__all__ = ["POINTWISE"]

NUMBERS = (0.0, 2.0, -3.0, 0.1, INF, -INF, NAN)
ROUND_OFF = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 3.5, 1e19, NAN, INF, -INF, -0.0])
UNARY = [
    "neg", "abs", "exp", "log", "sqrt", "rsqrt", "tanh", "erf", "sigmoid", "floor",
    "logical_not", "square", "reciprocal", "sign", "log2", "relu", "relu6", "silu",
    "hardsigmoid", "hardswish", "positive", "alias",
]  # fmt: skip

POINTWISE: dict[str, Cases] = {
    **{name: [one()] for name in UNARY},
    **{
        name: [one(operand=REAL[(REAL.abs() < 2**30) | ~REAL.isfinite()])]
        for name in ("sin", "cos")
    },
    **{
        name: [two(), *by(*NUMBERS)]
        for name in ("mul", "lt", "le", "eq", "gt", "ge", "ne", "sub", "rsub")
    },
    **{
        name: [two(), two(*WHOLES)]
        for name in ("maximum", "minimum", "logical_and", "logical_or", "true_divide")
    },
    "round": [one(), one(operand=ROUND_OFF)],
    "add": [two(), *by(*NUMBERS), two(LEFT, RIGHT, alpha=0.5)],
    "remainder": [two(), *by(*NUMBERS), two(*WHOLES), *by(3, -7, operand=WHOLE)],
    "div": [
        two(),
        *by(*NUMBERS),
        *by(*NUMBERS, rounding_mode="floor"),
        two(rounding_mode="floor"),
        two(*WHOLES),
        two(*WHOLES, rounding_mode="floor"),
        free(lambda x: torch.div(x, 3, rounding_mode="floor"), WHOLE * (2**40 + 1)),
        one(0, operand=WHOLE),
    ],
    "floor_divide": [
        two(),
        *by(*NUMBERS),
        two(*WHOLES),
        *by(3, -7, operand=WHOLE * (2**40 + 1)),
        free(lambda x: x // 0.1, torch.arange(-40.0, 40.0)),
    ],
    "pow": [
        two(),
        *by(*NUMBERS, 0.5, -0.5, 1.0, -1.0, -2.0, 3.0, 2.5, 1 / 3),
        free(lambda x: 2.0**x, REAL),
        free(lambda x: (-2.0) ** x, REAL),
        *by(2, 3, operand=WHOLE[:10]),
    ],
    "__rshift__": [free(lambda x: x >> 3, WHOLE)],
    "bitwise_right_shift": [free(lambda x: torch.bitwise_right_shift(x, 3), WHOLE)],
    **{name: [two(*BOOLS)] for name in ("bitwise_and", "bitwise_or", "__and__", "__or__")},
    "bitwise_not": [one(operand=BOOLS[0])],
    "clamp": [
        one(-1.0, 1.0),
        one(-0.0, None),
        one(None, 0.0),
        one(2.0, 1.0),
        one(NAN, 1.0),
        one(-INF, INF),
        one(-3, 2**60 + 1, operand=WHOLE * (2**35 + 1)),
    ],
    "clamp_min": by(0.0, NAN, -INF),
    "hardtanh": [one(), one(-2.0, 0.5)],
    "leaky_relu": by(0.01, 0.0, -0.5, INF),
    "gelu": [one(), one(approximate="tanh")],
    "softplus": [one(), one(2.0), one(1.0, 1000.0), one(-1.0), one(0.5, 5.0)],
    "where": [
        free(torch.where, LEFT > 0, LEFT, RIGHT),
        free(lambda x: torch.where(x > 0, x, NAN), REAL),
        free(lambda x: torch.where(x > 0, 1.0, x), REAL),
        free(lambda x: torch.where(x > 0, 1.0, -0.0), REAL),
    ],
    "masked_fill": [
        free(lambda x: x.masked_fill(x != x, 0.0), REAL),
        free(lambda x: x.masked_fill(x > 0, -INF), REAL),
        free(lambda x, y: x.masked_fill(x > 0, y), REAL, torch.tensor(NAN)),
    ],
    "_to_copy": [
        one(dtype=torch.bool),
        one(dtype=torch.float64),
        one(dtype=torch.float16),
        one(dtype=torch.bfloat16),
        one(dtype=torch.int8, operand=WHOLE),
        one(dtype=torch.float32, operand=WHOLE * 2**30),
    ],
    "to": [
        free(lambda x: x.to(torch.float16), REAL),
        free(lambda x: x.to(torch.bool), REAL),
        free(lambda x: x.to(torch.float8_e5m2).float(), REAL),
    ],
    "type_as": [two(REAL, ROW.double())],
    "ones_like": [free(lambda x: x * torch.ones_like(x), REAL)],
    "zeros_like": [free(lambda x: x + torch.zeros_like(x), REAL)],
    "full_like": [free(lambda x: torch.maximum(x, torch.full_like(x, NAN)), REAL)],
    "new_ones": [free(lambda x: x + x.new_ones(1), REAL)],
    "new_zeros": [free(lambda x: x * x.new_zeros(1), REAL)],
    "new_full": [free(lambda x: x + x.new_full((1,), -INF), REAL)],
}
