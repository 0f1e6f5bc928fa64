"""Networks of loop nests executed in PyTorch, vectorised from the access maps.

An access is a strided window of its buffer with one dimension per loop; loops that it doesn't follow have one element
there and broadcast. Contractions are one `einsum`, everything else is elementwise on such windows, then a reduction over the
loops that the output doesn't follow. The same code runs on any device.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.network import (
    Apply,
    Body,
    Buffer,
    Fn,
    Kind,
    Network,
    Number,
    Operation,
    Place,
    Position,
    Value,
    operands,
)
from lego.ir.workload import Reduction

__all__ = ["execute", "read"]

Host = Callable[[str, Sequence[Tensor]], Sequence[Tensor]]


def execute(
    network: Network, given: Mapping[str, Tensor], *, host: Host | None = None
) -> dict[str, Tensor]:
    """All buffers after a run; `given` holds the inputs, parameters and constants.

    `host` does what the host does: the operator and the values that it reads, to its results. Raises
    InternalError for a buffer that is read before it is written.
    """
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
            key = (
                op.name
                if isinstance(op.body, Value) and not op.body.index
                else op.name.rsplit(".", 1)[0]
            )
            if host is None:
                raise InternalError(f"{op.name} needs the host: {op.reason}")
            if key not in results:
                results[key] = host(key, [values[p.buffer] for p in op.inputs])
            assert isinstance(op.body, Value)  # noqa: S101
            values[name] = results[key][op.body.index]
            continue
        if name not in values:
            values[name] = _empty(buffers[name], op.reduction, device)
        _run(op, values)
    return values


def read(tensor: Tensor, access: AffineMap, extents: Sequence[int]) -> Tensor:
    """The elements that an access meets in a box, one dimension per loop."""
    return _window(tensor, Place("", access), extents, []).expand(tuple(extents))


def _empty(buffer: Buffer, reduction: Reduction, device: torch.device) -> Tensor:
    dtype = getattr(torch, buffer.format)
    fill: float = 0
    if reduction in (Reduction.MAX, Reduction.MIN) and dtype.is_floating_point:
        fill = float("-inf" if reduction is Reduction.MAX else "inf")
    return torch.full(buffer.shape, fill, dtype=dtype, device=device)


def _run(op: Operation, values: dict[str, Tensor]) -> None:
    extents = [loop.extent for loop in op.loops]
    windows: list[Tensor] = []
    for place in op.inputs:
        windows.append(_window(values[place.buffer], place, extents, windows))
    out = values[op.output.buffer]
    kept = [
        any(row[k] for row in op.output.map.rows) or extents[k] == 1 for k in range(len(extents))
    ]
    if op.kind is Kind.ARRAY:
        body = _einsum(op, windows, kept, out.dtype)
    else:
        body = _value(op.body, windows, extents, out.dtype)
        body = body.expand(torch.broadcast_shapes(body.shape, _shape(extents, kept)))
        body = _reduced(op, body, kept, extents)
    _store(op, out, body.to(out.dtype), extents, kept)


def _shape(extents: Sequence[int], kept: Sequence[bool]) -> list[int]:
    return [n if keep else 1 for n, keep in zip(extents, kept, strict=True)]


def _reduced(op: Operation, body: Tensor, kept: Sequence[bool], extents: Sequence[int]) -> Tensor:
    """Over the loops that the output doesn't follow; dimensions stay, with one element."""
    gone = [k for k, keep in enumerate(kept) if not keep]
    if not gone:
        return body
    match op.reduction:
        case Reduction.ADD:
            many = [extents[k] for k in gone if body.shape[k] == 1]
            total = body.sum(gone, keepdim=True)
            for n in many:
                total = total * n
            return total
        case Reduction.MAX:
            return body.amax(gone, keepdim=True)
        case Reduction.MIN:
            return body.amin(gone, keepdim=True)
    raise InternalError(f"{op.name} assigns an element more than once")


def _einsum(
    op: Operation, windows: Sequence[Tensor], kept: Sequence[bool], dtype: torch.dtype
) -> Tensor:
    """A sum of products of windows; one element along loops that no operand follows."""
    letters = string.ascii_letters
    terms, factors = [], []
    for index in operands(op.body):
        window = windows[index].to(dtype)
        dims = [k for k, n in enumerate(window.shape) if n > 1]
        terms.append("".join(letters[k] for k in dims))
        factors.append(window.reshape([window.shape[k] for k in dims]))
    out = [k for k, keep in enumerate(kept) if keep and any(letters[k] in term for term in terms)]
    rest = 1
    for k, keep in enumerate(kept):
        if not keep and not any(letters[k] in term for term in terms):
            rest *= op.loops[k].extent
    result = torch.einsum(f"{','.join(terms)}->{''.join(letters[k] for k in out)}", *factors) * rest
    return result.reshape([loop.extent if k in out else 1 for k, loop in enumerate(op.loops)])


def _window(
    tensor: Tensor, place: Place, extents: Sequence[int], before: Sequence[Tensor]
) -> Tensor:
    """What an access reads, one dimension per loop."""
    rows, offset = place.map.rows, list(place.map.offset)
    if place.pad is not None:
        tensor, offset = _padded(tensor, place, extents)
    tensor = tensor.contiguous()
    strides = tensor.stride()
    steps = [
        sum(row[k] * s for row, s in zip(rows, strides, strict=True)) for k in range(len(extents))
    ]
    first = sum(o * s for o, s in zip(offset, strides, strict=True))
    if place.indirect:
        index = _positions(first, steps, extents, tensor.device)
        for dim, source in place.indirect:
            index = index + before[source].long() * strides[dim]
        return tensor.reshape(-1)[index]
    sizes = [n if step else 1 for n, step in zip(extents, steps, strict=True)]
    down = [k for k, step in enumerate(steps) if step < 0]
    first += sum(steps[k] * (sizes[k] - 1) for k in down)
    window = torch.as_strided(
        tensor, sizes, [abs(s) for s in steps], first + tensor.storage_offset()
    )
    return window.flip(down) if down else window


def _positions(
    first: int, steps: Sequence[int], extents: Sequence[int], device: torch.device
) -> Tensor:
    """The flat index of every iteration, loops that aren't followed having one element."""
    index = torch.full([1] * len(extents), first, dtype=torch.long, device=device)
    for k, (step, n) in enumerate(zip(steps, extents, strict=True)):
        if step:
            index = index + _along(k, n, len(extents), device) * step
    return index


def _along(k: int, extent: int, rank: int, device: torch.device) -> Tensor:
    shape = [extent if j == k else 1 for j in range(rank)]
    return torch.arange(extent, device=device).reshape(shape)


def _padded(tensor: Tensor, place: Place, extents: Sequence[int]) -> tuple[Tensor, list[int]]:
    """The tensor with as much padding as the access reaches, and its new offset."""
    offset, sides = [], []
    for row, start, size in zip(place.map.rows, place.map.offset, tensor.shape, strict=True):
        reach = [a * (n - 1) for a, n in zip(row, extents, strict=True)]
        below = max(0, -(start + sum(r for r in reach if r < 0)))
        above = max(0, start + sum(r for r in reach if r > 0) - size + 1)
        offset.append(start + below)
        sides.append((below, above))
    if any(map(any, sides)):
        flat = [n for side in reversed(sides) for n in side]
        tensor = torch.nn.functional.pad(tensor, flat, value=place.pad)
    return tensor, offset


def _store(
    op: Operation, out: Tensor, body: Tensor, extents: Sequence[int], kept: Sequence[bool]
) -> None:
    """Write, or combine where several iterations meet in one element."""
    strides, rows = out.stride(), op.output.map.rows
    steps = [
        sum(row[k] * s for row, s in zip(rows, strides, strict=True)) for k in range(len(extents))
    ]
    first = sum(o * s for o, s in zip(op.output.map.offset, strides, strict=True))
    sizes = _shape(extents, kept)
    if _is_injective(steps, sizes) and op.output.pad is None:
        window = torch.as_strided(
            out, sizes, [s if n > 1 else 0 for s, n in zip(steps, sizes, strict=True)], first
        )
        window.copy_(body.expand(sizes))
        return
    index = torch.zeros([1] * len(sizes), dtype=torch.long, device=out.device)
    inside = torch.ones([1] * len(sizes), dtype=torch.bool, device=out.device)
    for row, start, size, stride in zip(
        rows, op.output.map.offset, out.shape, strides, strict=True
    ):
        at = _positions(start, row, sizes, out.device)
        inside = inside & (at >= 0) & (at < size)
        index = index + at * stride
    index, inside = index.expand(sizes), inside.expand(sizes)
    flat = out.view(-1)
    if op.reduction is Reduction.ADD:
        flat.index_add_(0, index[inside], body.expand(sizes)[inside])
    elif op.reduction is Reduction.ASSIGN:
        flat[index[inside]] = body.expand(sizes)[inside]
    else:
        way = "amax" if op.reduction is Reduction.MAX else "amin"
        flat.scatter_reduce_(0, index[inside], body.expand(sizes)[inside], way)


def _is_injective(steps: Sequence[int], sizes: Sequence[int]) -> bool:
    reach = 0
    for step, size in sorted((s, n) for s, n in zip(steps, sizes, strict=True) if n > 1):
        if step <= reach:
            return False
        reach += step * (size - 1)
    return True


def _value(
    body: Body, windows: Sequence[Tensor], extents: Sequence[int], dtype: torch.dtype
) -> Tensor:
    device = windows[0].device if windows else torch.device("cpu")
    match body:
        case Value(index):
            return windows[index]
        case Number(value):
            whole = float(value).is_integer() and not dtype.is_floating_point
            real = torch.float64 if dtype is torch.float64 else torch.float32
            kind = torch.int64 if whole else real
            return torch.full([1] * len(extents), value, dtype=kind, device=device)
        case Position(loop):
            return _along(loop, extents[loop], len(extents), device)
        case Apply(Fn.CAST, (arg,)):
            return _value(arg, windows, extents, dtype).to(dtype)
        case Apply(fn, args):
            return _FUNCTIONS[fn](*(_value(arg, windows, extents, dtype) for arg in args))


_FUNCTIONS: dict[Fn, Callable[..., Tensor]] = {
    Fn.ADD: torch.add,
    Fn.SUB: torch.sub,
    Fn.MUL: torch.mul,
    Fn.DIV: torch.div,
    Fn.MAX: torch.maximum,
    Fn.MIN: torch.minimum,
    Fn.POW: torch.pow,
    Fn.MOD: torch.remainder,
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
}
