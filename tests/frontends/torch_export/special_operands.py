"""Operands with special values, and how an operator is called with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.frontends.torch_export.special import (
    IMAGE,
    INTEGERS,
    PAIRS,
    REALS,
    ROWS,
    SMALL,
    TRUTH,
    shuffled,
)

__all__ = [
    "ATEN",
    "BOOLS",
    "BY_ROW",
    "CHANNEL",
    "COLUMNS",
    "LAYER",
    "LEFT",
    "LINE",
    "MATRIX",
    "OTHER",
    "REAL",
    "RIGHT",
    "ROW",
    "TAPS",
    "VOLUME",
    "WHOLE",
    "WHOLES",
    "Case",
    "Cases",
    "by",
    "free",
    "leaves",
    "one",
    "two",
    "view",
]

ATEN = torch.ops.aten
REAL = torch.tensor(REALS)
LEFT, RIGHT = (torch.tensor([pair[k] for pair in PAIRS]) for k in (0, 1))
WHOLE = torch.tensor(INTEGERS)
WHOLES = [w.flatten() for w in torch.meshgrid(WHOLE, WHOLE[1:], indexing="ij")]
BOOLS = [torch.tensor([pair[k] for pair in TRUTH]) for k in (0, 1)]
ROW = torch.tensor(ROWS)
COLUMNS = ROW.t().contiguous().reshape(2, 2, 16)
VOLUME = IMAGE[:, :, None].repeat(1, 1, 3, 1, 1)
MATRIX = shuffled(SMALL, 1, 3, 4, 5)
OTHER = shuffled(SMALL, 2, 3, 5, 4)
TAPS = torch.linspace(-1, 2, 108).reshape(3, 2, 3, 3, 2)
LINE = IMAGE[:, :, 2]
LAYER = torch.tensor([1.0, 0.5, -2.0, 0.0])
CHANNEL = [
    torch.tensor([1.0, 0.0]),
    torch.tensor([0.5, -1.0]),
    torch.tensor([0.2, 0.3]),
    torch.tensor([1.0, 0.0]),
]
Case = tuple[Callable[..., Any], list[Any]]
"""A function and its operands."""
Cases = list[Callable[[Any], Case]]
"""Per case, what makes it of the operator."""


def one(*more: Any, operand: Any = REAL, **named: Any) -> Callable[[Any], Case]:
    """The operator with one operand, and these arguments behind it."""
    return lambda op: (lambda *xs: op(*xs, *more, **named), [operand])


def two(left: Any = LEFT, right: Any = RIGHT, *more: Any, **named: Any) -> Callable[[Any], Case]:
    """The operator with two operands, and these arguments behind them."""
    return lambda op: (lambda x, y: op(x, y, *more, **named), [left, right])


def by(*numbers: Any, operand: Any = REAL, **named: Any) -> Cases:
    """The operator with each of these numbers as its second operand."""
    return [one(n, operand=operand, **named) for n in numbers]


def free(function: Callable[..., Any], *operands: Any) -> Callable[[Any], Case]:
    """A call that isn't the operator with these operands in front."""
    return lambda op: (function, list(operands))


def view(*more: Any, operand: Any = COLUMNS, **named: Any) -> Cases:
    """What only arranges elements, before an operation so that there is a nest."""
    return [
        lambda op: (lambda x: [p * 1.0 for p in leaves(op(x, *more, **named))], [operand]),
    ]


def leaves(value: Any) -> list[Any]:
    """The tensors of a result, which may be one or several."""
    return list(value) if isinstance(value, list | tuple) else [value]


BY_ROW = [one(1, operand=ROW), one(0, operand=ROW), one(1, True, operand=COLUMNS)]
"""A reduction along rows, along columns, and one that keeps its dimension."""
