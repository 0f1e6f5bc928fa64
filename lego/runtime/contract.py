"""An operation on whole arrays: sums of products as matrix products, all else by broadcasting."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.operation import Reduction

__all__ = ["combined", "reduced"]

Array = NDArray[np.int64]

_COMBINED: dict[Reduction, np.ufunc] = {
    Reduction.ADD: np.add,
    Reduction.MAX: np.maximum,
    Reduction.MIN: np.minimum,
}
_BINARY: dict[BinaryOp, np.ufunc] = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.MAX: np.maximum,
    BinaryOp.MIN: np.minimum,
    BinaryOp.SHL: np.left_shift,
    BinaryOp.SHR: np.right_shift,
}

EXACT_BITS = 53
"""Bits of the integers that double precision adds and multiplies without error."""


def reduced(
    body: Expr, values: Sequence[Array], kept: Sequence[int], how: Reduction, terms: int
) -> Array:
    """The body of every point, reduced over all loops but those that are `kept`.

    `values` have an axis per loop, of length 1 where they don't depend on it; `terms` are as many as a sum
    has. The result has the axes of the kept loops, in order.
    """
    if how is Reduction.ADD and _is_product(body) and len(values) == 2:
        bits = math.log2(max(1, terms)) + sum(math.log2(1 + _largest(v)) for v in values)
        if bits < EXACT_BITS:
            return _products(values[0], values[1], kept)
    point = _evaluated(body, values)
    shape = np.broadcast_shapes(*(v.shape for v in values))
    point = np.broadcast_to(point, shape)
    others = tuple(k for k in range(len(shape)) if k not in kept)
    if how is Reduction.ASSIGN:
        return point[tuple(slice(None) if k in kept else 0 for k in range(len(shape)))]
    result: Array = _COMBINED[how].reduce(point, axis=others)
    return result


def combined(old: Array, new: Array, how: Reduction) -> Array:
    """What a run that goes on from earlier results leaves."""
    result: Array = _COMBINED[how](old, new)
    return result


def _is_product(body: Expr) -> bool:
    match body:
        case Binary(BinaryOp.MUL, Operand(a), Operand(b)):
            return a != b
    return False


def _largest(values: Array) -> int:
    return int(max(-values.min(initial=0), values.max(initial=0)))


def _products(a: Array, b: Array, kept: Sequence[int]) -> Array:
    """Sums of `a b` as matrix products: loops that both have and that are kept count the matrices."""
    rank = a.ndim
    has = [(a.shape[k] > 1, b.shape[k] > 1) for k in range(rank)]
    sizes = np.broadcast_shapes(a.shape, b.shape)
    batch = [k for k in kept if has[k] == (True, True)]
    rows = [k for k in kept if has[k][0] and not has[k][1]]
    columns = [k for k in kept if has[k][1] and not has[k][0]]
    inner = [k for k in range(rank) if k not in kept and has[k] == (True, True)]
    alone = [k for k in range(rank) if k not in kept and has[k][0] != has[k][1]]
    a = a.sum(axis=tuple(k for k in alone if has[k][0]), keepdims=True)
    b = b.sum(axis=tuple(k for k in alone if has[k][1]), keepdims=True)

    product = _matrix(a, batch, rows, inner) @ _matrix(b, batch, inner, columns)
    order = [*batch, *rows, *columns]
    found = product.astype(np.int64).reshape([sizes[k] for k in order])
    single = [k for k in kept if k not in order]
    found = found.reshape([*found.shape, *(1 for _ in single)])
    where = [*order, *single]
    return np.transpose(found, [where.index(k) for k in kept])


def _matrix(x: Array, *groups: Sequence[int]) -> NDArray[np.float64]:
    """An array with an axis per group of loops."""
    order = [k for group in groups for k in group]
    rest = [k for k in range(x.ndim) if k not in order]
    shape = [math.prod(x.shape[k] for k in group) for group in groups]
    return np.transpose(x, order + rest).reshape(shape).astype(np.float64)


def _evaluated(body: Expr, values: Sequence[Array]) -> Array:
    match body:
        case Operand(index):
            return values[index]
        case Literal(value):
            return np.int64(value)  # type: ignore[return-value]
        case Unary(op, arg):
            inner = _evaluated(arg, values)
            return -inner if op is UnaryOp.NEG else np.abs(inner)
        case Binary(op, left, right):
            a, b = _evaluated(left, values), _evaluated(right, values)
            result: Array = _BINARY[op](a, b)
            return result
