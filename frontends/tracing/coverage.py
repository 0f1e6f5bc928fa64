"""Whether a network writes every element of what it computes, and never leaves a buffer.

An access is affine, so along each dimension of a buffer an operation meets a sum of arithmetic
progressions. Where no loop moves in two dimensions, what it writes is the product of these sums,
and the products of all that write a buffer must make up its box. Integer sets (isl) decide the
rest. Nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import islpy as isl

from lego.diag import InternalError
from lego.front.lexmin import least_point
from lego.ir.affine import AffineMap
from lego.ir.network import Buffer, Network, Role
from lego.ir.operation import Loop, Operation, Output, Place, Reduction

__all__ = ["check_accesses", "is_every", "sums"]

Box = dict[int, int]
"""Indices per dimension, as the bits of a number; a dimension that isn't there has all of them."""


def check_accesses(network: Network) -> None:
    """Raise InternalError if an access without padding leaves its buffer, if an assignment meets an
    element twice, or if an element of a result is written by no operation."""
    buffers = {buffer.name: buffer for buffer in network.buffers}
    writers: dict[str, list[_Write]] = {}
    for op in network.operations:
        for output in op.outputs if op.iterations else ():
            write = _Write(op, output)
            writers.setdefault(output.buffer, []).append(write)
            _check_written(write, buffers[output.buffer])
        for place in op.inputs if op.iterations else ():
            _check_inside(op, place, buffers[place.buffer])
    filled = {name for call in network.calls for name in call.outputs}
    for buffer in network.buffers:
        if buffer.role is Role.RESULT and buffer.elements and buffer.name not in filled:
            _check_whole(buffer, writers.get(buffer.name, []))


@dataclass(frozen=True, slots=True)
class _Write:
    """An operation with one of its outputs."""

    op: Operation
    output: Output

    @property
    def loops(self) -> tuple[Loop, ...]:
        """The operation's."""
        return self.op.loops

    @property
    def map(self) -> AffineMap:
        """From loops to what is written."""
        return self.output.map


def _check_written(write: _Write, buffer: Buffer) -> None:
    name, output = write.op.name, write.output
    if not output.clipped:
        _check_inside(write.op, output.place, buffer)
    if output.reduction is Reduction.ASSIGN and not _is_single(write, buffer):
        raise InternalError(f"{name} assigns an element of {output.buffer} twice")


def sums(row: Sequence[int], start: int, loops: Sequence[Loop], size: int) -> range | int:
    """The indices below `size` that `start + row . iteration` takes: a range, or the bits of a number."""
    steps = [(abs(a), loop.extent) for a, loop in zip(row, loops, strict=True) if a]
    low = start + sum(a * (n.extent - 1) for a, n in zip(row, loops, strict=True) if a < 0)
    reach, gaps = 0, False
    for step, extent in sorted(steps):
        gaps |= extent > 1 and step > reach + 1
        reach += step * (extent - 1)
    if not gaps:
        return range(max(low, 0), max(min(low + reach + 1, size), max(low, 0)))
    bits = 1
    for step, extent in steps:
        bits = _repeated(bits, step, extent)
    return (bits << low if low >= 0 else bits >> -low) & ((1 << size) - 1)


def is_every(met: range | int, size: int) -> bool:
    """Whether these are all the indices below `size`; as :func:`sums` gives them."""
    return met == (range(size) if isinstance(met, range) else (1 << size) - 1)


def _repeated(bits: int, step: int, times: int) -> int:
    """The union of the bits moved up by 0, 1, ... `times - 1` steps."""
    done = 1
    while done < times:
        more = min(done, times - done)
        bits |= bits << (more * step)
        done += more
    return bits


def _span(row: Sequence[int], start: int, loops: Sequence[Loop]) -> tuple[int, int]:
    reach = [a * (loop.extent - 1) for a, loop in zip(row, loops, strict=True)]
    return start + sum(min(r, 0) for r in reach), start + sum(max(r, 0) for r in reach)


def _check_inside(op: Operation, place: Place, buffer: Buffer) -> None:
    """Dimensions that a table look-up adds to depend on values, and aren't checked."""
    looked_up = {dim for dim, _ in place.indirect}
    for dim, (row, start, size) in enumerate(
        zip(place.map.rows, place.map.offset, buffer.shape, strict=True)
    ):
        low, high = _span(row, start, op.loops)
        if place.pad is None and dim not in looked_up and not 0 <= low <= high < size:
            raise InternalError(
                f"{op.name} is at {low} to {high} of dimension {dim} of {buffer.name}, which has {size}"
            )


def _is_single(op: _Write, buffer: Buffer) -> bool:
    """Whether no two iterations meet in an element of the buffer."""
    rows = op.map.rows
    moving = [k for k, loop in enumerate(op.loops) if loop.extent > 1]
    if not all(any(row[k] for row in rows) for k in moving):
        return False
    if all(_counts(row, op.loops) for row in rows) and not _is_coupled(op):
        return True
    names = [f"i{k}" for k in range(len(op.loops))]
    other = [f"j{k}" for k in range(len(op.loops))]
    same = [f"{a} = {b}" for a, b in zip(_indices(op, "i"), _indices(op, "j"), strict=True)]
    differ = [f"{a} < {b}" for a, b in zip(names, other, strict=True)]
    inside = [*_inside(op, "i", buffer), *_inside(op, "j", buffer), *same]
    text = f"{{ [{', '.join([*names, *other])}] : {' and '.join(inside)} and ({' or '.join(differ)}) }}"
    return bool(isl.Set(text).is_empty())


def _counts(row: Sequence[int], loops: Sequence[Loop]) -> bool:
    """Whether the steps of a row tell its loops' iterations apart, as digits do."""
    reach = 0
    steps = [(abs(a), loop.extent) for a, loop in zip(row, loops, strict=True) if a]
    for step, extent in sorted(steps):
        if extent > 1 and step <= reach:
            return False
        reach += step * (extent - 1)
    return True


def _is_coupled(op: _Write) -> bool:
    """Whether a loop moves in two dimensions of the output."""
    columns = zip(*op.map.rows, strict=True)
    moving = zip(columns, op.loops, strict=False)
    return any(loop.extent > 1 and sum(map(bool, column)) > 1 for column, loop in moving)


def _indices(op: _Write, letter: str) -> list[str]:
    """The output's index per dimension, for isl."""
    return [
        " + ".join([str(start), *(f"{a} {letter}{k}" for k, a in enumerate(row) if a)])
        for row, start in zip(op.map.rows, op.map.offset, strict=True)
    ]


def _inside(op: _Write, letter: str, buffer: Buffer) -> list[str]:
    """That an iteration is one of the operation's, and its element one of the buffer, for isl."""
    box = [f"0 <= {letter}{k} < {loop.extent}" for k, loop in enumerate(op.loops)]
    there = zip(_indices(op, letter), buffer.shape, strict=True)
    return [*box, *(f"0 <= {index} < {size}" for index, size in there)]


def _check_whole(buffer: Buffer, writing: Sequence[_Write]) -> None:
    if any(_is_coupled(op) for op in writing):
        gap = _gap_of_sets(buffer, writing)
    else:
        gap = _gap(buffer.shape, [_box(op, buffer) for op in writing])
    if gap is not None:
        names = ", ".join(write.op.name for write in writing[:3]) or "nothing"
        raise InternalError(f"no element {list(gap)} of {buffer.name} is written, by {names}")


def _box(op: _Write, buffer: Buffer) -> Box:
    found = {}
    for dim, (row, start, size) in enumerate(
        zip(op.map.rows, op.map.offset, buffer.shape, strict=True)
    ):
        met = sums(row, start, op.loops, size)
        if not is_every(met, size):
            found[dim] = met if isinstance(met, int) else ((1 << len(met)) - 1) << met.start
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """Indices of one dimension, and the boxes that have them."""

    bits: int
    boxes: tuple[int, ...]


def _gap(shape: Sequence[int], boxes: Sequence[Box]) -> tuple[int, ...] | None:
    """An index of the shape that is in none of the boxes."""
    if any(not box for box in boxes):
        return None
    if not boxes:
        return (0,) * len(shape)
    dim = min(min(box) for box in boxes)
    every = (1 << shape[dim]) - 1
    if all(list(box) == [dim] for box in boxes):
        for box in boxes:
            every &= ~box[dim]
        return _at(shape, dim, every) if every else None
    parts = [_Part(every, ())]
    for number, box in enumerate(boxes):
        bits = box.get(dim, every)
        cut = [_Part(p.bits & bits, (*p.boxes, number)) for p in parts]
        parts = [p for p in (*cut, *(_Part(p.bits & ~bits, p.boxes) for p in parts)) if p.bits]
    for part in parts:
        rest = [{d: b for d, b in boxes[k].items() if d != dim} for k in part.boxes]
        gap = _gap(shape, rest)
        if gap is not None:
            first = (part.bits & -part.bits).bit_length() - 1
            return (*gap[:dim], first, *gap[dim + 1 :])
    return None


def _at(shape: Sequence[int], dim: int, bits: int) -> tuple[int, ...]:
    """The first of these indices of a dimension, with zeros."""
    first = (bits & -bits).bit_length() - 1
    return tuple(first if d == dim else 0 for d in range(len(shape)))


def _gap_of_sets(buffer: Buffer, writers: Sequence[_Write]) -> tuple[int, ...] | None:
    """As :func:`_gap`, for operations with a loop that moves in two dimensions."""
    index = [f"e{d}" for d in range(len(buffer.shape))]
    space = f"[{', '.join(index)}]"
    box = " and ".join(f"0 <= {e} < {n}" for e, n in zip(index, buffer.shape, strict=True))
    left = isl.Set(f"{{ {space} : {box} }}")
    for op in writers:
        loops = ", ".join(f"i{k}" for k in range(len(op.loops)))
        same = [f"{e} = {at}" for e, at in zip(index, _indices(op, "i"), strict=True)]
        met = " and ".join([*_inside(op, "i", buffer), *same])
        left = left.subtract(isl.Map(f"{{ [{loops}] -> {space} : {met} }}").range())
    return least_point(left)
