"""The reference: an operation on integers executed in NumPy, straight from its access maps.

It shares no code with sim/network.py, which executes the same operations in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.constants import Constant, number_of
from lego.ir.formats import INT64, Bool, Exact, Format, Integer
from lego.ir.network import Buffer
from lego.ir.operation import Apply, Body, Fn, Operation, Output, Place, Position, Reduction, Value

__all__ = ["Result", "evaluate", "execute", "execute_all", "format_of", "random_tensor", "wrap"]

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
    if fmt == INT64 and values.dtype == np.int64:
        return values
    low = values & ((1 << fmt.bits) - 1)
    return np.where(low > fmt.high, low - (1 << fmt.bits), low) if fmt.signed else low


def format_of(buffer: Buffer) -> Integer:
    """A buffer's format. Raises InternalError if it isn't of integers."""
    if not isinstance(buffer.format, Integer):
        raise InternalError(f"{buffer.name} is of {buffer.format}, not of integers")
    return buffer.format


def random_tensor(fmt: Integer, shape: Sequence[int], rng: np.random.Generator) -> Array:
    """Uniform values over the whole format; about one in eight is an extreme."""
    low, high = fmt.low, fmt.high
    values = rng.integers(low, high, size=tuple(shape), endpoint=True, dtype=np.int64)
    extreme = rng.integers(0, 16, size=tuple(shape))
    return np.where(extreme == 0, low, np.where(extreme == 1, high, values))


def execute(
    op: Operation,
    buffers: Mapping[str, Buffer],
    given: Mapping[str, Array],
    bounds: Mapping[str, int],
    output_shape: Sequence[int],
    held: Array | None = None,
) -> Result:
    """Run an operation with one output at these loop bounds; `given` are what it reads, `held` what its
    reduction goes on from."""
    shapes = {op.output.buffer: output_shape}
    return execute_all(op, buffers, given, bounds, shapes, () if held is None else (held,))[0]


def execute_all(
    op: Operation,
    buffers: Mapping[str, Buffer],
    given: Mapping[str, Array],
    bounds: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
    held: Sequence[Array] = (),
) -> tuple[Result, ...]:
    """Run an operation at these loop bounds: a result per output; `shapes` are what they write, `held` what
    reductions go on from, if given.

    Raises InternalError for what isn't of integers.
    """
    extents = [bounds[loop.name] for loop in op.loops]
    results = [_Reduced(output, format_of(buffers[output.buffer]), shapes) for output in op.outputs]
    for result, before in zip(results, held, strict=False):
        result.total = before.copy()
    points = int(np.prod(extents, dtype=object))
    for start in range(0, points, CHUNK):
        every = np.unravel_index(np.arange(start, min(points, start + CHUNK)), extents)
        index = _in_domain(op, every)
        reads: list[Array] = []
        for place in op.inputs:
            reads.append(_read(given[place.buffer], place, index, reads))
        spans = [_span(buffers[place.buffer].format) for place in op.inputs]
        for result in results:
            if op.domain:
                result.meet(every)
            result.add(index, evaluate(result.output.body, reads, spans, index))
    return tuple(result.wrapped() for result in results)


class _Reduced:
    """What has come together in an output."""

    def __init__(self, output: Output, fmt: Integer, shapes: Mapping[str, Sequence[int]]) -> None:
        self.output, self.format = output, fmt
        shape = tuple(shapes[output.buffer])
        start = {Reduction.MAX: fmt.low, Reduction.MIN: fmt.high}.get(output.reduction, 0)
        self.total = np.full(shape, start, dtype=np.int64)
        self.written = np.zeros(shape, dtype=np.bool_)

    def meet(self, index: Sequence[Array]) -> None:
        """A reduction writes what points of the box outside the domain reach too."""
        if self.output.reduction is not Reduction.ASSIGN:
            places = _index(self.output.map, index, self.output.map.n_out)
            self.written[_inside(places, self.written.shape)] = True

    def add(self, index: Sequence[Array], values: Array) -> None:
        """Combine the values of these iterations."""
        if self.output.reduction is Reduction.ADD:
            values = wrap(values, self.format)
        values = np.broadcast_to(values.astype(np.int64), index[0].shape if index else ())
        place = _index(self.output.map, index, self.output.map.n_out)
        if self.output.clipped:
            kept = np.ones(values.shape, dtype=np.bool_)
            for at, extent in zip(place, self.total.shape, strict=True):
                kept &= (at >= 0) & (at < extent)
            place, values = [at[kept] for at in place], values[kept]
        _reduce(self.output.reduction, self.total, tuple(place), values)
        self.written[tuple(place)] = True

    def wrapped(self) -> Result:
        """What is stored."""
        return Result(wrap(self.total, self.format), self.written)


def _in_domain(op: Operation, index: Sequence[Array]) -> tuple[Array, ...]:
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


def _read(tensor: Array, place: Place, index: Sequence[Array], before: Sequence[Array]) -> Array:
    """What an access meets; `before` are the values of the inputs before it, which may be indices."""
    at = _index(place.map, index, place.map.n_out)
    for dim, source in place.indirect:
        at[dim] = at[dim] + before[source]
    if place.pad is None:
        if any((a < 0).any() or (a >= n).any() for a, n in zip(at, tensor.shape, strict=True)):
            raise InternalError(f"an access leaves {place.buffer}")
        return tensor[tuple(at)]
    inside = np.ones(index[0].shape, dtype=np.bool_)
    for each, extent in zip(at, tensor.shape, strict=True):
        inside &= (each >= 0) & (each < extent)
    safe = tuple(np.where(inside, each, 0) for each in at)
    return np.where(inside, tensor[safe], int(number_of(place.pad)))


def evaluate(
    body: Body,
    reads: Sequence[Array],
    spans: Sequence[int],
    index: Sequence[Array],
) -> Array:
    """A body on arrays of what is read and of the loops' indices; nodes in a format wrap to it.

    `spans` are the largest magnitudes of what is read. Where 64 bits might not hold what comes up
    on the way, Python's integers are used.
    """
    big = _largest(body, spans) >= 1 << 63
    kind = object if big else np.int64
    return _value(body, [read.astype(kind) for read in reads], [i.astype(kind) for i in index])


def _span(fmt: Format) -> int:
    return max(-fmt.low, fmt.high) if isinstance(fmt, Integer) else 1


def _largest(body: Body, spans: Sequence[int]) -> int:
    """No value within the body has a magnitude above this, for operands up to these."""
    match body:
        case Value(index):
            return spans[index]
        case Constant(int(value)):
            return abs(value)
        case Position():
            return 1 << 31
        case Apply(Fn.MUL, args):
            a, b = (_largest(arg, spans) for arg in args)
            return max(a, b, a * b)
        case Apply(Fn.SHL, (left, Constant(int(by)))):
            return _largest(left, spans) << by
        case Apply(Fn.ADD | Fn.SUB, args):
            return sum(_largest(arg, spans) for arg in args)
        case Apply(_, args):
            return max(_largest(arg, spans) for arg in args)
    raise InternalError(f"no integers: {body}")


def _value(body: Body, reads: Sequence[Array], index: Sequence[Array]) -> Array:
    match body:
        case Value(at, fmt):
            return _formatted(reads[at], fmt)
        case Constant(int(value)):
            return np.full(1, value, dtype=reads[0].dtype if reads else np.int64)
        case Position(loop):
            return index[loop]
        case Apply(Fn.WHERE, (condition, one, other), fmt):
            chosen = _value(condition, reads, index).astype(np.bool_)
            found = np.where(chosen, _value(one, reads, index), _value(other, reads, index))
            return _formatted(found, fmt)
        case Apply(Fn.CAST, (arg,), fmt):
            return _formatted(_value(arg, reads, index), fmt)
        case Apply(fn, args, fmt) if fn in _FUNCTIONS:
            values = [_value(arg, reads, index) for arg in args]
            return _formatted(_FUNCTIONS[fn](*values), fmt)
    raise InternalError(f"no integers: {body}")


def _formatted(values: Array, fmt: Format) -> Array:
    """In the format of a node: as they are if it is exact, else low bits."""
    match fmt:
        case Exact():
            return values
        case Integer():
            return wrap(values, fmt)
        case Bool():
            return np.asarray((values != 0).astype(values.dtype))
    raise InternalError(f"{fmt} isn't of integers")


_FUNCTIONS: dict[Fn, Callable[..., Array]] = {
    Fn.ADD: np.add,
    Fn.SUB: np.subtract,
    Fn.MUL: np.multiply,
    Fn.MAX: np.maximum,
    Fn.MIN: np.minimum,
    Fn.NEG: np.negative,
    Fn.ABS: np.abs,
    Fn.SHL: np.left_shift,
    Fn.SHIFT: np.right_shift,
    Fn.LT: lambda a, b: (a < b) + 0 * a,
    Fn.LE: lambda a, b: (a <= b) + 0 * a,
    Fn.EQ: lambda a, b: (a == b) + 0 * a,
    Fn.NOT: lambda a: (a == 0) + 0 * a,
    Fn.AND: lambda a, b: ((a != 0) & (b != 0)) + 0 * a,
    Fn.OR: lambda a, b: ((a != 0) | (b != 0)) + 0 * a,
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
