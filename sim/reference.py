"""The reference: a tensor operation executed in NumPy, exactly, straight from its access maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.ir.affine import AffineMap
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import Integer
from lego.ir.workload import Reduction, Tensor, TensorOp

__all__ = ["Result", "contributions", "evaluate", "execute", "random_tensor", "wrap"]

Array = NDArray[np.int64]
CHUNK = 1 << 21


@dataclass(frozen=True, slots=True)
class Result:
    """Output values, and which elements the run writes: those of iterations, and for reductions those of the
    box outside the domain."""

    values: Array
    written: NDArray[np.bool_]


def wrap(values: Array, fmt: Integer) -> Array:
    """Low bits of the values, read in the format."""
    low = values & ((1 << fmt.bits) - 1)
    return np.where(low > fmt.high, low - (1 << fmt.bits), low) if fmt.signed else low


def random_tensor(tensor: Tensor, shape: Sequence[int], rng: np.random.Generator) -> Array:
    """Uniform values over the whole format; about one in eight is an extreme."""
    low, high = tensor.format.low, tensor.format.high
    values = rng.integers(low, high, size=tuple(shape), endpoint=True, dtype=np.int64)
    extreme = rng.integers(0, 16, size=tuple(shape))
    return np.where(extreme == 0, low, np.where(extreme == 1, high, values))


def execute(
    op: TensorOp,
    tensors: Mapping[str, Tensor],
    operands: Mapping[str, Array],
    bounds: Mapping[str, int],
    output_shape: Sequence[int],
) -> Result:
    """Run `op` at these loop bounds; reads outside a tensor give its pad value."""
    fmt = tensors[op.output.tensor].format
    identity = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(op.reduction, 0)
    total = np.full(tuple(output_shape), identity, dtype=np.int64)
    assigns = op.reduction is Reduction.ASSIGN
    written = np.zeros(tuple(output_shape), dtype=np.bool_)
    extents = [bounds[loop.name] for loop in op.loops]
    points = int(np.prod(extents, dtype=object))
    for start in range(0, points, CHUNK):
        index = np.unravel_index(np.arange(start, min(points, start + CHUNK)), extents)
        if op.domain and not assigns:
            every = _index(op.output.map, index, op.output.map.n_out)
            written[_inside(every, written.shape)] = True
        index = _in_domain(op, index)
        values = [_read(operands[a.tensor], a.map, index, tensors[a.tensor].pad) for a in op.inputs]
        formats = [tensors[a.tensor].format for a in op.inputs]
        into = fmt if op.reduction is Reduction.ADD else None
        body = np.broadcast_to(contributions(op.body, values, formats, into), index[0].shape)
        place = tuple(_index(op.output.map, index, op.output.map.n_out))
        _reduce(op.reduction, total, place, body)
        written[place] = True
    return Result(wrap(total, fmt), written)


def _in_domain(op: TensorOp, index: Sequence[Array]) -> tuple[Array, ...]:
    """The points that obey every inequality."""
    for each in op.domain:
        left = sum(a * i for a, i in zip(each.coefficients, index, strict=True) if a)
        index = [i[left < each.limit] for i in index]
    return tuple(index)


def _inside(place: Sequence[Array], shape: Sequence[int]) -> tuple[Array, ...]:
    """The places that lie in the tensor."""
    inside = np.ones(place[0].shape, dtype=np.bool_)
    for at, extent in zip(place, shape, strict=True):
        inside &= (at >= 0) & (at < extent)
    return tuple(at[inside] for at in place)


def _index(access: AffineMap, index: Sequence[Array], rank: int) -> list[Array]:
    return [
        sum(
            (a * i for a, i in zip(access.rows[j], index, strict=True) if a),
            np.zeros_like(index[0]),
        )
        + access.offset[j]
        for j in range(rank)
    ]


def _read(tensor: Array, access: AffineMap, index: Sequence[Array], pad: int | None) -> Array:
    place = _index(access, index, access.n_out)
    if pad is None:
        return tensor[tuple(place)]
    inside = np.ones(index[0].shape, dtype=np.bool_)
    for at, extent in zip(place, tensor.shape, strict=True):
        inside &= (at >= 0) & (at < extent)
    safe = tuple(np.where(inside, at, 0) for at in place)
    return np.where(inside, tensor[safe], pad)


def contributions(
    body: Expr, values: Sequence[Array], formats: Sequence[Integer], into: Integer | None
) -> Array:
    """The body on arrays of its operands' values, exactly; for sums wrapped to their format `into`.

    Where 64 bits might not hold what comes up on the way, Python's integers are used.
    """
    if _largest(body, [max(-fmt.low, fmt.high) for fmt in formats]) >= 1 << 63:
        found = evaluate(body, [value.astype(object) for value in values])
    else:
        found = evaluate(body, values)
    return (found if into is None else wrap(found, into)).astype(np.int64)


def _largest(expr: Expr, operands: Sequence[int]) -> int:
    """No value within the body has a magnitude above this, for operands up to these."""
    match expr:
        case Operand(index):
            return operands[index]
        case Literal(value):
            return abs(value)
        case Unary(_, arg):
            return _largest(arg, operands)
        case Binary(op, left, right):
            a, b = _largest(left, operands), _largest(right, operands)
            match op:
                case BinaryOp.MUL:
                    return max(a, b, a * b)
                case BinaryOp.SHL:
                    return max(a, a << b)
                case BinaryOp.ADD | BinaryOp.SUB:
                    return a + b
                case _:
                    return max(a, b)


def evaluate(expr: Expr, values: Sequence[Array]) -> Array:
    """The body of a statement on arrays of its operands' values, in their type."""
    match expr:
        case Operand(index):
            return values[index]
        case Literal(value):
            return np.array(value, dtype=np.int64)
        case Unary(op, arg):
            inner = evaluate(arg, values)
            return -inner if op is UnaryOp.NEG else np.abs(inner)
        case Binary(op, left, right):
            a, b = evaluate(left, values), evaluate(right, values)
            return _BINARY[op](a, b)


_BINARY = {
    BinaryOp.ADD: np.add,
    BinaryOp.SUB: np.subtract,
    BinaryOp.MUL: np.multiply,
    BinaryOp.MAX: np.maximum,
    BinaryOp.MIN: np.minimum,
    BinaryOp.SHL: np.left_shift,
    BinaryOp.SHR: np.right_shift,
}


def _reduce(reduction: Reduction, total: Array, place: tuple[Array, ...], body: Array) -> None:
    match reduction:
        case Reduction.ADD:
            np.add.at(total, place, body)
        case Reduction.MAX:
            np.maximum.at(total, place, body)
        case Reduction.MIN:
            np.minimum.at(total, place, body)
        case Reduction.ASSIGN:
            total[place] = body
