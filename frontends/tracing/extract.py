"""One contraction of a network, or one nest of integers, as a workload of its own that compiles to
hardware."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from frontends.yaml.formats import FORMATS
from frontends.yaml.indices import MAX_LITERAL
from frontends.yaml.intervals import body_interval
from frontends.yaml.names import is_legal
from lego.diag import LegoError
from lego.ir.affine import AffineMap
from lego.ir.array import Unfit, array_body, wraps_within
from lego.ir.checks.check import checked
from lego.ir.constants import Constant, constant, number_of
from lego.ir.formats import EXACT, Integer
from lego.ir.hardware import Architecture
from lego.ir.kinds import is_contraction, kind_of
from lego.ir.network import Buffer, Network, Role, reads_of, writes_of
from lego.ir.operation import Apply, Body, Fn, Loop, Operation, Output, Place, Reduction
from lego.ir.promotion import in_format
from lego.ir.workload import Workload

__all__ = ["extract", "operation_named", "remarks"]

OPERAND, RESULT = Integer(True, 8), Integer(True, 32)
NAMES = "ABCDEFGHIJKL"
LONGEST = 31


@dataclass(frozen=True, slots=True)
class _Cut:
    """What an operation touches of a buffer, as a tensor of its own.

    Attributes
    ----------
    shape : the tensor's.
    map : the access to it.
    leaves : dimensions in which the access goes beyond the buffer.
    first : where in the tensor the buffer begins, in those dimensions; 0 in others.
    """

    shape: tuple[int, ...]
    map: AffineMap
    leaves: tuple[int, ...]
    first: tuple[int, ...]


def operation_named(network: Network, name: str) -> Operation:
    """The operation of this name. Raises E405 with the nearest names."""
    for op in network.operations:
        if op.name == name:
            return op
    array = [op.name for op in network.operations if is_contraction(op)]
    near = difflib.get_close_matches(name, array, 3, 0.3) or array[:3]
    hint = f"such as {', '.join(near)}" if near else "the network has no contraction"
    raise LegoError("E405", f"no operation {name!r} in {network.name}", hint=hint)


def extract(
    network: Network, name: str, *, operand: Integer = OPERAND, result: Integer = RESULT,
    array: tuple[int, ...] = (4, 4),
) -> Workload:  # fmt: skip
    """A contraction with these number formats, or a nest of integers in its own; buffers are cut to
    what it touches. :func:`remarks` says what the workload can't.

    Raises E405 if there is no operation of this name, or if it is neither a sum of products nor
    integers' nest that the workload language has.
    """
    op, own = _eligible(network, name)
    buffers, places = [], []
    for letter, place in zip(
        (*NAMES[: len(op.inputs)], "Y"), (*op.inputs, op.output.place), strict=True
    ):
        writes = letter == "Y"
        cut = _cut(op, place, network.buffer(place.buffer).shape, writes=writes)
        fmt = own.get(place.buffer, result if writes else operand)
        pad = _pad(op, place, fmt) if cut.leaves and not writes else None
        buffers.append(Buffer(letter, cut.shape, fmt, Role.RESULT if writes else Role.INPUT))
        places.append(Place(letter, cut.map, pad))
    made = _alone(op, _plain(name), places)
    if own:
        _demand_room(made, buffers)
    *given, out = (buffer.name for buffer in buffers)
    alone = Network(made.name, tuple(buffers), (made,), tuple(given), (out,))
    return checked(Workload(alone, ((),), Architecture(array)))


def _alone(op: Operation, name: str, places: Sequence[Place]) -> Operation:
    """The operation on these places, the last of which it writes, with the loops that are used, in
    integers without bound."""
    times, loops = _used(op)
    kept = [k for k, _ in loops]
    *inputs, output = (
        replace(place, map=AffineMap(place.map.columns(kept), place.map.offset)) for place in places
    )
    named = tuple(
        Loop(f"{_letter(loop.name)}{k}", loop.extent) for k, (_, loop) in enumerate(loops)
    )
    if not named:
        named, output = (Loop("i0", 1),), _counting(output)
        inputs = [replace(each, map=_without_loops(each.map, 1)) for each in inputs]
    body = in_format(op.output.body, EXACT)
    if times > 1:
        body = Apply(Fn.MUL, (body, Constant(times, EXACT)), EXACT)
    written = Output(output, body, op.output.reduction)
    return Operation(name, named, (written,), tuple(inputs), source=op.source)


def remarks(network: Network, name: str) -> list[str]:
    """Sentences on how the extracted workload differs from the operation. Raises E405 as :func:`extract`."""
    op, _ = _eligible(network, name)
    found = []
    buffer = network.buffer(op.output.buffer)
    cut = _cut(op, op.output.place, buffer.shape, writes=True)
    if cut.leaves:
        parts = [
            f"{cut.first[d]}:{cut.first[d] + size}" if d in cut.leaves else ":"
            for d, size in enumerate(buffer.shape)
        ]
        found.append(f"The network keeps Y[{', '.join(parts)}]; it drops what is written outside.")
    times, _ = _used(op)
    if times > 1:
        found.append(f"Each value is added {times} times: no index follows these loops.")
    return found


def _eligible(network: Network, name: str) -> tuple[Operation, dict[str, Integer]]:
    """The operation of this name, and its own formats by buffer if it is a nest of integers and no
    contraction."""
    op = operation_named(network, name)
    own = {} if is_contraction(op) else _integers(network, op)
    if (not is_contraction(op) and not own) or any(place.indirect for place in op.inputs):
        hint = (
            "`lego trace --ops` lists the contractions, class array; nests of integers of up to "
            "32 bits do as well"
        )
        raise LegoError("E405", f"{name} isn't a contraction but {kind_of(op)}", hint=hint)
    if len(op.inputs) > len(NAMES):
        raise LegoError("E405", f"{name} has {len(op.inputs)} operands, more than {len(NAMES)}")
    body = array_body(op)
    if isinstance(body, Unfit) or _largest(op.output.body) > MAX_LITERAL:
        reason = body.reason if isinstance(body, Unfit) else "a number in it is beyond 32 bits"
        hint = "bodies of workloads have + - * max min abs, and >> by a number"
        raise LegoError("E405", f"{name} can't be written in a workload: {reason}", hint=hint)
    formats = [own[name] for name in (*reads_of(op), *writes_of(op))] if own else []
    if own and wraps_within(op, tuple(formats[:-1]), formats[-1]):
        hint = "bodies of workloads don't wrap on the way; clamp the values where they can"
        raise LegoError(
            "E405", f"a value within the body of {name} can leave its format", hint=hint
        )
    return op, own


def _largest(body: Body) -> float:
    """The largest magnitude of a constant."""
    match body:
        case Constant():
            return abs(number_of(body))
        case Apply(_, args):
            return max(map(_largest, args))
    return 0


def _integers(network: Network, op: Operation) -> dict[str, Integer]:
    """The formats of a nest's buffers, none unless all are integers that hardware has."""
    names = {*reads_of(op), *writes_of(op)}
    buffers = [network.buffer(name) for name in names]
    found = {
        b.name: b.format
        for b in buffers
        if isinstance(b.format, Integer) and str(b.format) in FORMATS
    }
    return found if op.inputs and len(op.outputs) == 1 and len(found) == len(names) else {}


def _demand_room(op: Operation, buffers: Sequence[Buffer]) -> None:
    """Raise E405 where PyTorch would wrap what the workload language doesn't."""
    *inputs, fmt = (buffer.format for buffer in buffers if isinstance(buffer.format, Integer))
    output = op.output
    low, high = body_interval(output.body, [(f.low, f.high) for f in inputs])
    if output.reduction is not Reduction.ADD and (low < fmt.low or high > fmt.high):
        hint = "clamp the values before they are stored"
        raise LegoError("E405", f"the values of {op.name} can leave {fmt}", hint=hint)


def _pad(op: Operation, place: Place, fmt: Integer) -> Constant:
    """What is read outside."""
    value = 0.0 if place.pad is None else number_of(place.pad)
    if not float(value).is_integer():
        raise LegoError("E405", f"{op.name} reads {value} outside of its operand, no integer")
    return constant(value, fmt)


def _used(op: Operation) -> tuple[int, list[tuple[int, Loop]]]:
    """How often the other loops add the same, and the loops that an index follows, with their numbers."""
    rows = [row for place in (op.output.place, *op.inputs) for row in place.map.rows]
    used = [(k, loop) for k, loop in enumerate(op.loops) if any(row[k] for row in rows)]
    times = op.iterations // math.prod(loop.extent for _, loop in used)
    return times if op.output.reduction is Reduction.ADD else 1, used


def _counting(access: Place) -> Place:
    """The access with a loop of one iteration in its first index, where a loop must be used somewhere."""
    first, *rest = access.map.offset
    return replace(access, map=AffineMap(((1,), *((0,) for _ in rest)), (first, *rest)))


def _without_loops(access: AffineMap, loops: int) -> AffineMap:
    return AffineMap(tuple((0,) * loops for _ in access.offset), access.offset)


def _plain(name: str) -> str:
    """A name that workload files take."""
    plain = re.sub(r"[\W_]+", "_", name, flags=re.ASCII).strip("_")
    plain = _short(plain).strip("_")
    if not plain[:1].isalpha():
        plain = f"op_{plain}"[:LONGEST].strip("_")
    return plain if is_legal(plain) else f"my_{plain}"[:LONGEST].strip("_")


def _short(name: str) -> str:
    """The last words that fit into 31 characters, or what does of the last one."""
    tail = name[-LONGEST:]
    whole = len(name) <= LONGEST or name[-LONGEST - 1] == "_" or "_" not in tail
    return tail if whole else tail.split("_", 1)[1]


def _letter(name: str) -> str:
    return name.rstrip("0123456789") or "i"


def _cut(op: Operation, place: Place, shape: Sequence[int], *, writes: bool) -> _Cut:
    """Each dimension from the first index to the last. Where a read leaves the buffer, it is the
    buffer's dimension; a write that may leave it has all of the buffer and all indices. A buffer
    without dimensions becomes a tensor of one element."""
    sizes, offsets, leaves, firsts = [], [], [], []
    for d, (row, start, size) in enumerate(
        zip(place.map.rows, place.map.offset, shape, strict=True)
    ):
        reach = [a * (loop.extent - 1) for a, loop in zip(row, op.loops, strict=True)]
        low, high = start + sum(min(r, 0) for r in reach), start + sum(max(r, 0) for r in reach)
        inside = low >= 0 and high < size
        if not inside:
            leaves.append(d)
        if writes and op.output.clipped:
            low, high = min(low, 0), max(high, size - 1)
        elif not inside:
            low, high = 0, size - 1
        sizes.append(high - low + 1)
        offsets.append(start - low)
        firsts.append(0 if inside else -low)
    if not sizes:
        row = (0,) * len(op.loops)
        return _Cut((1,), AffineMap((row,), (0,)), (), (0,))
    access = AffineMap(place.map.rows, tuple(offsets))
    return _Cut(tuple(sizes), access, tuple(leaves), tuple(firsts))
