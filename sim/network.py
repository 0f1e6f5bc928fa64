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
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lego.diag import InternalError, LegoError
from lego.ir.constants import Constant, constant, number_of
from lego.ir.formats import EXACT, Bool, Float, Format, Integer
from lego.ir.kinds import is_contraction
from lego.ir.network import Buffer, Network, reads_of
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    HostCall,
    Operation,
    Output,
    Position,
    Reduction,
    Value,
    operands,
)
from sim.dtypes import dtype_of, identity, wrapped
from sim.windows import along, assign, store, window

__all__ = ["FLOAT", "FUNCTIONS", "Arithmetic", "add_exactly", "box_of", "execute"]

IN_DOUBLES = 2**53
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
    contract : a sum of products of windows, written to the output, which has a format.
    store : as :func:`sim.windows.store`.
    """

    functions: Mapping[Fn, Callable[..., Tensor]]
    cast: Callable[[Tensor, Format], Tensor]
    total: Callable[[Tensor, Sequence[int]], Tensor]
    contract: Callable[[Operation, Sequence[Tensor], Tensor, Format], None]
    store: Callable[[Output, Tensor, Tensor, Sequence[int]], None]


def execute(
    network: Network,
    given: Mapping[str, Tensor],
    *,
    host: Host | None = None,
    arithmetic: Arithmetic | None = None,
) -> dict[str, Tensor]:
    """All buffers after a run; `given` holds the inputs, parameters and constants.

    `host` does what the host does: the step's name and the values that it reads, to its results.
    Raises E431 for an index outside of what it looks up, E432 for an integer divided by zero,
    InternalError for a buffer that is read before it is written.
    """
    ways = arithmetic or FLOAT
    values = dict(given)
    device = next((v.device for v in values.values()), torch.device("cpu"))
    buffers = {buffer.name: buffer for buffer in network.buffers}
    for step in network.steps:
        for name in reads_of(step):
            if name not in values:
                raise InternalError(f"{step.name} reads {name}, which nothing has written")
        if isinstance(step, HostCall):
            values |= _asked(step, values, host)
            continue
        for output in step.outputs:
            if output.buffer not in values:
                values[output.buffer] = _empty(buffers[output.buffer], output.reduction, device)
        _run(step, values, buffers, ways)
    return values


def _asked(call: HostCall, values: Mapping[str, Tensor], host: Host | None) -> dict[str, Tensor]:
    """The results of an operator of the host."""
    if host is None:
        raise InternalError(f"{call.name} needs the host: {call.reason}")
    results = host(call.name, [values[name] for name in call.inputs])
    return dict(zip(call.outputs, results, strict=True))


def _empty(buffer: Buffer, reduction: Reduction, device: torch.device) -> Tensor:
    fill = identity(reduction, buffer.format)
    return torch.full(buffer.shape, fill, dtype=dtype_of(buffer.format), device=device)


def _run(
    op: Operation, values: dict[str, Tensor], buffers: Mapping[str, Buffer], ways: Arithmetic
) -> None:
    extents = [loop.extent for loop in op.loops]
    windows: list[Tensor] = []
    op = _boxed(op, buffers) if op.domain else op
    for place in op.inputs:
        windows.append(window(_readable(values[place.buffer]), place, extents, windows, op.name))
    if _is_contracted(op, buffers):
        ways.contract(op, windows, values[op.output.buffer], buffers[op.output.buffer].format)
        return
    for output in op.outputs:
        try:
            body = _value(output.body, windows, extents, ways)
        except ZeroDivisionError:
            raise LegoError(
                "E432", f"{op.name} divides an integer by zero", hint="correct the divisor"
            ) from None
        _write(op, output, body, values[output.buffer], buffers[output.buffer].format, ways)


def _started(body: Tensor, reduction: Reduction, fmt: Integer) -> Tensor:
    """Values that a maximum takes, or a minimum: no less, or no more, than what it starts from."""
    if reduction is Reduction.MAX:
        return body.clamp(min=fmt.low)
    return body.clamp(max=fmt.high) if reduction is Reduction.MIN else body


def _is_contracted(op: Operation, buffers: Mapping[str, Buffer]) -> bool:
    """Whether it is a sum of products in the format that they are stored in, or in none."""
    if op.domain or not is_contraction(op):
        return False
    return op.output.body.format in (EXACT, buffers[op.output.buffer].format)


def _boxed(op: Operation, buffers: Mapping[str, Buffer]) -> Operation:
    """The operation as it may run over its whole box, where accesses leave their buffers outside the
    domain."""
    inputs = tuple(
        replace(place, pad=constant(0, buffers[place.buffer].format))
        if place.pad is None
        else place
        for place in op.inputs
    )
    outputs = tuple(replace(output, clipped=True) for output in op.outputs)
    return replace(op, inputs=inputs, outputs=outputs)


def _readable(tensor: Tensor) -> Tensor:
    """Unsigned integers of 16 and 32 bits, which PyTorch can do little with, as signed ones."""
    return tensor.long() if tensor.dtype in (torch.uint16, torch.uint32) else tensor


def _write(
    op: Operation, output: Output, body: Tensor, out: Tensor, fmt: Format, ways: Arithmetic
) -> None:
    """Combine and store what the body gives. Integers of another format than the output's are
    combined without bound, and wrap where they are stored."""
    sizes = box_of(op, output)
    exact = isinstance(fmt, Integer) and not isinstance(output.body.format, Float | Bool)
    exact = exact and output.body.format != fmt
    target = out.long() if exact else out
    if isinstance(fmt, Integer) and exact:
        body = _started(body.long(), output.reduction, fmt)
    if op.domain and output.reduction is Reduction.ASSIGN:
        body = body if exact else ways.cast(body, fmt)
        assign(output, target, body, op.extents, inside(op, out.device))
    else:
        if op.domain:
            body = torch.where(inside(op, out.device), body, identity(output.reduction, fmt))
        body = body.expand(torch.broadcast_shapes(body.shape, sizes))
        body = _reduced(op, output, body, sizes, ways)
        ways.store(output, target, body if exact else ways.cast(body, fmt), sizes)
    if exact:
        out.copy_(wrapped(target, fmt))


def inside(op: Operation, device: torch.device) -> Tensor:
    """Which points of the box obey the inequalities."""
    found = torch.ones([1] * len(op.loops), dtype=torch.bool, device=device)
    for each in op.domain:
        left = torch.zeros([1] * len(op.loops), dtype=torch.long, device=device)
        for k, factor in enumerate(each.coefficients):
            if factor:
                left = left + factor * along(k, op.loops[k].extent, len(op.loops), device)
        found = found & (left < each.limit)
    return found


def box_of(op: Operation, output: Output) -> list[int]:
    """The extents of the loops, 1 where the output doesn't follow one."""
    followed = [any(row[k] for row in output.map.rows) for k in range(len(op.loops))]
    return [loop.extent if f else 1 for loop, f in zip(op.loops, followed, strict=True)]


def _reduced(
    op: Operation, output: Output, body: Tensor, sizes: Sequence[int], ways: Arithmetic
) -> Tensor:
    """Over the loops that the output doesn't follow; dimensions stay, with one element."""
    gone = [k for k, loop in enumerate(op.loops) if sizes[k] < loop.extent]
    if not gone:
        return body
    match output.reduction:
        case Reduction.ADD:
            shape = [op.loops[k].extent if k in gone else n for k, n in enumerate(body.shape)]
            return ways.total(body.expand(shape), gone)
        case Reduction.MAX:
            return body.amax(gone, keepdim=True)
        case Reduction.MIN:
            return body.amin(gone, keepdim=True)
    raise InternalError(f"{op.name} assigns an element more than once")


def _contracted(op: Operation, windows: Sequence[Tensor], out: Tensor, fmt: Format) -> None:
    """A sum of products of windows by one `einsum`, in the output's number format; integers are
    exact and wrap."""
    if isinstance(op.output.body.format, Float):
        body = summed(op, [w.to(out.dtype) for w in windows])
        store(op.output, out, body, box_of(op, op.output))
    else:
        add_exactly(op, windows, out, fmt)


def add_exactly(op: Operation, windows: Sequence[Tensor], out: Tensor, fmt: Format) -> None:
    """A sum of products of integers, which wraps where it is stored."""
    body = wrapped(exact_sums(op, windows), fmt)
    store(op.output, out, body, box_of(op, op.output))
    if isinstance(fmt, Integer) and fmt.bits < 8 * out.dtype.itemsize:
        out.copy_(wrapped(out, fmt))


def exact_sums(op: Operation, windows: Sequence[Tensor]) -> Tensor:
    """Sums of products of integers, in int64: by a product of matrices in float64 where no sum can
    exceed its integers, as PyTorch multiplies no matrices of integers on CUDA."""
    used = [windows[index] for index in operands(op.output.body)]
    most = math.prod(max(abs(int(w.min())), abs(int(w.max()))) if w.numel() else 0 for w in used)
    terms = math.prod(loop.extent for loop in op.loops) // max(1, math.prod(box_of(op, op.output)))
    if most * terms < IN_DOUBLES:
        return summed(op, [w.double() for w in windows]).long()
    return summed(op, [w.long() for w in windows])


def summed(op: Operation, windows: Sequence[Tensor]) -> Tensor:
    """The sums of products of windows, in their number format; one element along loops that no
    operand follows."""
    letters, sizes = string.ascii_letters, box_of(op, op.output)
    terms, factors = [], []
    for index in operands(op.output.body):
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
    body: Body, windows: Sequence[Tensor], extents: Sequence[int], ways: Arithmetic
) -> Tensor:
    """What a body gives, in its format."""
    device = windows[0].device if windows else torch.device("cpu")
    match body:
        case Value(index, fmt):
            return _computable(windows[index].to(dtype_of(fmt)))
        case Constant(_, fmt):
            value = number_of(body)
            return torch.full([1] * len(extents), value, dtype=dtype_of(fmt), device=device)
        case Position(loop, fmt):
            return along(loop, extents[loop], len(extents), device).to(dtype_of(fmt))
        case Apply(fn, args, fmt):
            found = [_value(arg, windows, extents, ways) for arg in args]
            if fn is Fn.CAST:
                return _computable(ways.cast(found[0], fmt))
            return _in_format(ways.functions[fn](*found), fmt)


def _in_format(tensor: Tensor, fmt: Format) -> Tensor:
    """A function's result, which has to be of the type that its node says."""
    if tensor.dtype is not dtype_of(fmt):
        raise InternalError(f"a node of {fmt} is computed in {tensor.dtype}")
    return wrapped(tensor, fmt) if isinstance(fmt, Integer) else tensor


def _computable(tensor: Tensor) -> Tensor:
    """Eight-bit floating point can be held but not computed with."""
    return tensor.float() if tensor.dtype.itemsize == 1 and tensor.is_floating_point() else tensor


def _cast(tensor: Tensor, fmt: Format) -> Tensor:
    return wrapped(tensor.to(dtype_of(fmt)), fmt)


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
    Fn.SHL: torch.bitwise_left_shift,
    Fn.SHIFT: torch.bitwise_right_shift,
}
FLOAT = Arithmetic(FUNCTIONS, _cast, _total, _contracted, store)
"""PyTorch's own: fast, the order of sums and the last bits of functions being the device's."""
