"""One contraction of a network, or one nest of integers, as a workload of its own that compiles to hardware."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from frontends.tracing.expressions import expression
from frontends.yaml.intervals import body_interval
from frontends.yaml.tensors import FORMATS
from lego.diag import LegoError
from lego.ir.affine import AffineMap
from lego.ir.expr import Binary, BinaryOp, Expr, Operand
from lego.ir.network import Apply, Body, Fn, Kind, Network, Operation, Place, Value
from lego.ir.workload import (
    Access,
    Architecture,
    Format,
    Loop,
    Reduction,
    Tensor,
    TensorOp,
    Workload,
)

__all__ = ["extract", "operation_named"]

OPERAND, RESULT = Format(True, 8), Format(True, 32)
NAMES = tuple("ABCDEFGHIJKL")


def operation_named(network: Network, name: str) -> Operation:
    """The operation of this name. Raises E405 with the nearest names."""
    for op in network.operations:
        if op.name == name:
            return op
    array = [op.name for op in network.operations if op.kind is Kind.ARRAY]
    near = difflib.get_close_matches(name, array, 3, 0.3) or array[:3]
    hint = f"such as {', '.join(near)}" if near else "the network has no contraction"
    raise LegoError("E405", f"no operation {name!r} in {network.name}", hint=hint)


def extract(
    network: Network, name: str, *, operand: Format = OPERAND, result: Format = RESULT,
    array: tuple[int, ...] = (4, 4),
) -> Workload:  # fmt: skip
    """A contraction with these number formats, or a nest of integers in its own; buffers are cut to what it touches.

    Raises E405 if there is no operation of this name, or if it is neither a sum of products nor integers' nest that
    the workload language has.
    """
    op = operation_named(network, name)
    own = _integers(network, op) if op.kind is not Kind.ARRAY else {}
    if (op.kind is not Kind.ARRAY and not own) or any(place.indirect for place in op.inputs):
        hint = "`lego trace --ops` lists the contractions, class array; nests of integers of up to 32 bits do as well"
        raise LegoError("E405", f"{name} isn't a contraction but {op.kind}", hint=hint)
    loops = tuple(Loop(f"{_letter(loop.name)}{k}", loop.extent) for k, loop in enumerate(op.loops))
    tensors, accesses = [], []
    for letter, place in zip((*NAMES[: len(op.inputs)], "Y"), (*op.inputs, op.output), strict=True):
        buffer = network.buffer(place.buffer)
        shape, offset = _cut(op, place, buffer.shape)
        pad = int(place.pad) if place.pad is not None and letter != "Y" else None
        fmt = own.get(buffer.name, result if letter == "Y" else operand)
        tensors.append(Tensor(letter, shape, fmt, pad))
        accesses.append(Access(letter, AffineMap(place.map.rows, offset)))
    *inputs, output = accesses
    plain = _short(re.sub(r"\W+", "_", name).strip("_"))
    plain = plain if plain[:1].isalpha() else f"op_{plain}"[:31]
    body = expression(op.body) if own else _expr(op.body)
    reduction = op.reduction if own else Reduction.ADD
    made = TensorOp(plain, loops, output, tuple(inputs), body, reduction)
    if own:
        _demand_room(made, tensors)
    return Workload(plain, tuple(tensors), (made,), ((),), Architecture(array))


def _integers(network: Network, op: Operation) -> dict[str, Format]:
    """The formats of a nest's buffers, none unless all are integers that hardware has and have a dimension."""
    buffers = [network.buffer(place.buffer) for place in (*op.inputs, op.output)]
    fits = all(buffer.format in FORMATS and buffer.shape for buffer in buffers)
    return {buffer.name: FORMATS[buffer.format] for buffer in buffers} if fits and op.loops else {}


def _demand_room(op: TensorOp, tensors: Sequence[Tensor]) -> None:
    """Raise E405 where PyTorch would wrap what the workload language doesn't."""
    *inputs, fmt = (tensor.format for tensor in tensors)
    low, high = body_interval(op.body, [(f.low, f.high) for f in inputs])
    if op.reduction is not Reduction.ADD and (low < fmt.low or high > fmt.high):
        hint = "clamp the values before they are stored"
        raise LegoError("E405", f"the values of {op.name} can leave {fmt}", hint=hint)


def _short(name: str) -> str:
    """The last words that fit into 31 characters, or what does of the last one."""
    tail = name[-31:]
    whole = len(name) <= 31 or name[-32] == "_" or "_" not in tail
    return tail if whole else tail.split("_", 1)[1]


def _letter(name: str) -> str:
    return name.rstrip("0123456789") or "i"


def _cut(
    op: Operation, place: Place, shape: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The extents that the access touches, and its offset there; whole dimensions where it may leave them."""
    sizes, offsets = [], []
    for row, start, size in zip(place.map.rows, place.map.offset, shape, strict=True):
        reach = [a * (loop.extent - 1) for a, loop in zip(row, op.loops, strict=True)]
        low, high = start + sum(min(r, 0) for r in reach), start + sum(max(r, 0) for r in reach)
        inside = low >= 0 and high < size
        sizes.append(high - low + 1 if inside else size)
        offsets.append(start - low if inside else start)
    return tuple(sizes), tuple(offsets)


def _expr(body: Body) -> Expr:
    match body:
        case Value(index):
            return Operand(index)
        case Apply(Fn.MUL, (left, right)):
            return Binary(BinaryOp.MUL, _expr(left), _expr(right))
    raise LegoError("E405", "the operation is more than a product of its operands")
