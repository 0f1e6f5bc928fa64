"""Networks of loop nests executed in PyTorch, vectorised from the access maps.

Every nest reads windows of its buffers (sim/windows.py), computes its body on them, combines over
the loops that the output doesn't follow, and stores. How numbers are added and functions computed
is an `Arithmetic`: PyTorch's own here, a stated one whose bits don't depend on the device in
sim/bit_true.py. The same code runs on any device.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lego.diag import InternalError, LegoError
from lego.ir.formats import Exact, Format, Integer
from lego.ir.network import (
    Apply,
    Body,
    Buffer,
    Fn,
    Kind,
    Network,
    Number,
    Operation,
    Position,
    Value,
    operands,
)
from lego.ir.workload import Reduction
from sim.windows import along, store, window

__all__ = ["FLOAT", "FUNCTIONS", "Arithmetic", "box_of", "dtype_of", "exact_sums", "execute"]

EXACT = 2**53
"""Integers up to here are exact in float64."""

Host = Callable[[str, Sequence[Tensor]], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How numbers are computed with.

    Attributes
    ----------
    functions : of bodies, on tensors that broadcast.
    cast : a tensor to another number format.
    total : the sum over dimensions, which stay with one element.
    contract : a sum of products of windows, written to the output.
    store : as :func:`sim.windows.store`.
    """

    functions: Mapping[Fn, Callable[..., Tensor]]
    cast: Callable[[Tensor, torch.dtype], Tensor]
    total: Callable[[Tensor, Sequence[int]], Tensor]
    contract: Callable[[Operation, Sequence[Tensor], Tensor], None]
    store: Callable[[Operation, Tensor, Tensor, Sequence[int]], None]


def dtype_of(fmt: Format) -> torch.dtype:
    """What holds a number format; integers of other widths are held in the next larger type.

    Raises InternalError for a format that PyTorch has no type for.
    """
    if isinstance(fmt, Exact):
        return torch.int64
    if isinstance(fmt, Integer):
        fmt = Integer(fmt.signed, max(8, 1 << (fmt.bits - 1).bit_length()))
    found = getattr(torch, str(fmt), None)
    if not isinstance(found, torch.dtype):
        raise InternalError(f"no number format {fmt}")
    return found


def execute(
    network: Network,
    given: Mapping[str, Tensor],
    *,
    host: Host | None = None,
    arithmetic: Arithmetic | None = None,
) -> dict[str, Tensor]:
    """All buffers after a run; `given` holds the inputs, parameters and constants.

    `host` does what the host does: the operator and the values that it reads, to its results.
    Raises E431 for an index outside of what it looks up, E432 for an integer divided by zero,
    InternalError for a buffer that is read before it is written.
    """
    ways = arithmetic or FLOAT
    values = dict(given)
    device = next((v.device for v in values.values()), torch.device("cpu"))
    buffers = {buffer.name: buffer for buffer in network.buffers}
    results: dict[str, Sequence[Tensor]] = {}
    for op in network.operations:
        for place in op.inputs:
            if place.buffer not in values:
                raise InternalError(f"{op.name} reads {place.buffer}, which nothing has written")
        name = op.output.buffer
        if op.kind is Kind.HOST:
            values[name] = _asked(op, values, host, results)
            continue
        if name not in values:
            values[name] = _empty(buffers[name], op.reduction, device)
        _run(op, values, ways)
    return values


def _asked(
    op: Operation,
    values: Mapping[str, Tensor],
    host: Host | None,
    results: dict[str, Sequence[Tensor]],
) -> Tensor:
    """One result of an operator of the host; it is asked once for all of them."""
    assert isinstance(op.body, Value)  # noqa: S101
    key = op.name if not op.body.index else op.name.rsplit(".", 1)[0]
    if host is None:
        raise InternalError(f"{op.name} needs the host: {op.reason}")
    if key not in results:
        results[key] = host(key, [values[p.buffer] for p in op.inputs])
    return results[key][op.body.index]


def _empty(buffer: Buffer, reduction: Reduction, device: torch.device) -> Tensor:
    dtype = dtype_of(buffer.format)
    fill: float = 0
    if reduction in (Reduction.MAX, Reduction.MIN) and dtype is not torch.bool:
        most = float("inf") if dtype.is_floating_point else torch.iinfo(dtype).max
        least = -most if dtype.is_floating_point else torch.iinfo(dtype).min
        fill = least if reduction is Reduction.MAX else most
    return torch.full(buffer.shape, fill, dtype=dtype, device=device)


def _worst(dtype: torch.dtype, *, largest: bool) -> float:
    """What every number of a format is at least, or at most: where a maximum or minimum starts."""
    if dtype is torch.bool:
        return largest
    if dtype.is_floating_point:
        return float("inf" if largest else "-inf")
    limits = torch.iinfo(dtype)
    return int(limits.max if largest else limits.min)


def _run(op: Operation, values: dict[str, Tensor], ways: Arithmetic) -> None:
    extents = [loop.extent for loop in op.loops]
    windows: list[Tensor] = []
    for place in op.inputs:
        windows.append(window(values[place.buffer], place, extents, windows, op.name))
    out = values[op.output.buffer]
    if op.kind is Kind.ARRAY:
        ways.contract(op, windows, out)
        return
    sizes = box_of(op)
    try:
        body = _value(op.body, windows, extents, out.dtype, ways)
    except ZeroDivisionError:
        raise LegoError(
            "E432", f"{op.name} divides an integer by zero", hint="correct the divisor"
        ) from None
    body = body.expand(torch.broadcast_shapes(body.shape, sizes))
    body = _reduced(op, body, sizes, ways)
    ways.store(op, out, ways.cast(body, out.dtype), sizes)


def box_of(op: Operation) -> list[int]:
    """The extents of the loops, 1 where the output doesn't follow one."""
    followed = [any(row[k] for row in op.output.map.rows) for k in range(len(op.loops))]
    return [loop.extent if f else 1 for loop, f in zip(op.loops, followed, strict=True)]


def _reduced(op: Operation, body: Tensor, sizes: Sequence[int], ways: Arithmetic) -> Tensor:
    """Over the loops that the output doesn't follow; dimensions stay, with one element."""
    gone = [k for k, loop in enumerate(op.loops) if sizes[k] < loop.extent]
    if not gone:
        return body
    match op.reduction:
        case Reduction.ADD:
            shape = [op.loops[k].extent if k in gone else n for k, n in enumerate(body.shape)]
            return ways.total(body.expand(shape), gone)
        case Reduction.MAX:
            return body.amax(gone, keepdim=True)
        case Reduction.MIN:
            return body.amin(gone, keepdim=True)
    raise InternalError(f"{op.name} assigns an element more than once")


def _contracted(op: Operation, windows: Sequence[Tensor], out: Tensor) -> None:
    """A sum of products of windows by one `einsum`, in the output's number format; integers are
    exact and wrap."""
    if any(windows[index].is_floating_point() for index in operands(op.body)):
        body = summed(op, [w.to(out.dtype) for w in windows])
    else:
        body = exact_sums(op, windows).to(out.dtype)
    store(op, out, body, box_of(op))


def exact_sums(op: Operation, windows: Sequence[Tensor]) -> Tensor:
    """Sums of products of integers, in int64: by a product of matrices in float64 where no sum can
    exceed its integers, as PyTorch multiplies no matrices of integers on CUDA."""
    used = [windows[index] for index in operands(op.body)]
    most = math.prod(max(abs(int(w.min())), abs(int(w.max()))) if w.numel() else 0 for w in used)
    terms = math.prod(loop.extent for loop in op.loops) // max(1, math.prod(box_of(op)))
    if most * terms < EXACT:
        return summed(op, [w.double() for w in windows]).long()
    return summed(op, [w.long() for w in windows])


def summed(op: Operation, windows: Sequence[Tensor]) -> Tensor:
    """The sums of products of windows, in their number format; one element along loops that no
    operand follows."""
    letters, sizes = string.ascii_letters, box_of(op)
    terms, factors = [], []
    for index in operands(op.body):
        dims = [k for k, n in enumerate(windows[index].shape) if n > 1]
        terms.append("".join(letters[k] for k in dims))
        factors.append(windows[index].reshape([windows[index].shape[k] for k in dims]))
    named = set("".join(terms))
    out = [k for k, n in enumerate(sizes) if n > 1 and letters[k] in named]
    rest = 1
    for k, loop in enumerate(op.loops):
        if sizes[k] < loop.extent and letters[k] not in named:
            rest *= loop.extent
    result = torch.einsum(f"{','.join(terms)}->{''.join(letters[k] for k in out)}", *factors) * rest
    return result.reshape([n if letters[k] in named else 1 for k, n in enumerate(sizes)])


def _value(
    body: Body, windows: Sequence[Tensor], extents: Sequence[int], dtype: torch.dtype, ways: Arithmetic
) -> Tensor:  # fmt: skip
    device = windows[0].device if windows else torch.device("cpu")
    match body:
        case Value(index):
            return _computable(windows[index])
        case Number(value):
            whole = float(value).is_integer() and not dtype.is_floating_point
            real = torch.float64 if dtype is torch.float64 else torch.float32
            kind = torch.int64 if whole else real
            return torch.full([1] * len(extents), value, dtype=kind, device=device)
        case Position(loop):
            return along(loop, extents[loop], len(extents), device)
        case Apply(Fn.CAST, (arg,)):
            return _computable(ways.cast(_value(arg, windows, extents, dtype, ways), dtype))
        case Apply(fn, args):
            found = [_value(arg, windows, extents, dtype, ways) for arg in args]
            return ways.functions[fn](*found)


def _computable(tensor: Tensor) -> Tensor:
    """Eight-bit floating point can be held but not computed with."""
    return tensor.float() if tensor.dtype.itemsize == 1 and tensor.is_floating_point() else tensor


def _cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype)


def _total(tensor: Tensor, dims: Sequence[int]) -> Tensor:
    return tensor.sum(list(dims), keepdim=True)


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """Of integers in float64."""
    if a.is_floating_point() or b.is_floating_point():
        return torch.div(a, b)
    return a.double() / b.double()


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """Rounded down, from the exact quotient: 6 // 0.1 is 59.

    Raises ZeroDivisionError for integers, on every device.
    """
    return torch.div(a, _divisor(a, b), rounding_mode="floor")


def _remainder(a: Tensor, b: Tensor) -> Tensor:
    """With the sign of the divisor. Raises ZeroDivisionError for integers, on every device."""
    return torch.remainder(a, _divisor(a, b))


def _divisor(a: Tensor, b: Tensor) -> Tensor:
    """The divisor, if it isn't an integer 0."""
    if not a.is_floating_point() and not b.is_floating_point() and bool((b == 0).any()):
        raise ZeroDivisionError
    return b


FUNCTIONS: dict[Fn, Callable[..., Tensor]] = {
    Fn.ADD: torch.add,
    Fn.SUB: torch.sub,
    Fn.MUL: torch.mul,
    Fn.DIV: _ratio,
    Fn.MAX: torch.maximum,
    Fn.MIN: torch.minimum,
    Fn.POW: torch.pow,
    Fn.MOD: _remainder,
    Fn.QUOTIENT: _quotient,
    Fn.NEG: torch.neg,
    Fn.ABS: torch.abs,
    Fn.EXP: torch.exp,
    Fn.LOG: torch.log,
    Fn.SQRT: torch.sqrt,
    Fn.RSQRT: torch.rsqrt,
    Fn.TANH: torch.tanh,
    Fn.ERF: torch.erf,
    Fn.SIGMOID: torch.sigmoid,
    Fn.SIN: torch.sin,
    Fn.COS: torch.cos,
    Fn.FLOOR: torch.floor,
    Fn.ROUND: torch.round,
    Fn.LT: torch.lt,
    Fn.LE: torch.le,
    Fn.EQ: torch.eq,
    Fn.NOT: torch.logical_not,
    Fn.AND: torch.logical_and,
    Fn.OR: torch.logical_or,
    Fn.WHERE: torch.where,
    Fn.SHIFT: torch.bitwise_right_shift,
}
FLOAT = Arithmetic(FUNCTIONS, _cast, _total, _contracted, store)
"""PyTorch's own: fast, the order of sums and the last bits of functions being the device's."""
