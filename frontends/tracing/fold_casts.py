"""Contractions read narrow numbers themselves, not a widened copy of them.

A model that multiplies int8 by int8 into int32 says so by widening both operands first; the array
does that on its way into the multiplier. So a cast that loses nothing and feeds a contraction
becomes part of the contraction's access.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from lego.diag import InternalError
from lego.ir.affine import AffineMap
from lego.ir.checks.check import checked
from lego.ir.constants import Constant, constant, number_of
from lego.ir.formats import Float, Format, is_within
from lego.ir.kinds import is_contraction
from lego.ir.network import Buffer, Network, reads_of, writes_of
from lego.ir.operation import Apply, Fn, Loop, Operation, Output, Place, Reduction, Value

__all__ = ["fold_casts"]

Row = tuple[tuple[int, ...], int]
"""Coefficients of loops, and a constant."""


def fold_casts(network: Network) -> Network:
    """The network with such casts folded; those that nothing else reads are gone, with their buffers."""
    casts = _casts(network)
    buffers = {buffer.name: buffer for buffer in network.buffers}
    steps = [
        _folded(step, casts, buffers) if isinstance(step, Operation) else step
        for step in network.steps
    ]
    reads = Counter(name for step in steps for name in reads_of(step))
    reads.update(network.outputs)
    dead: set[str] = set()
    for step in reversed(steps):
        name = writes_of(step)[0]
        if name in casts and not reads[name]:
            dead.add(name)
            reads.subtract(reads_of(step))
    made = replace(
        network,
        buffers=tuple(b for b in network.buffers if b.name not in dead),
        steps=tuple(step for step in steps if writes_of(step)[0] not in dead),
    )
    return checked(made)


def _casts(network: Network) -> dict[str, Operation]:
    """Casts that lose nothing, by the buffer that they fill."""
    writers = Counter(name for step in network.steps for name in writes_of(step))
    formats = {buffer.name: buffer.format for buffer in network.buffers}
    return {
        op.output.buffer: op
        for op in network.operations
        if _is_cast(op)
        and writers[op.output.buffer] == 1
        and op.inputs[0].pad is None
        and not op.inputs[0].indirect
        and is_within(formats[op.inputs[0].buffer], formats[op.output.buffer])
    }


def _is_cast(op: Operation) -> bool:
    """Whether it does nothing but convert what it reads."""
    match op.outputs:
        case (Output(_, Apply(Fn.CAST, (Value(0),)), Reduction.ASSIGN),):
            return True
    return False


def _folded(
    op: Operation, casts: Mapping[str, Operation], buffers: Mapping[str, Buffer]
) -> Operation:
    if not is_contraction(op):
        return op
    for k in range(len(op.inputs)):
        found = _through(op, k, casts, buffers)
        while found is not None:
            op, found = found, _through(found, k, casts, buffers)
    return op


def _through(
    op: Operation, k: int, casts: Mapping[str, Operation], buffers: Mapping[str, Buffer]
) -> Operation | None:
    """The operation with input `k` read before its cast; None if there is none or no affine access
    says it."""
    place = op.inputs[k]
    cast = casts.get(place.buffer)
    if cast is None:
        return None
    source = cast.inputs[0]
    if place.pad is not None or place.indirect:
        inner, outer = buffers[source.buffer], buffers[place.buffer]
        pad = None if place.pad is None else _held(place.pad, inner.format)
        same = source.map == cast.output.map and inner.shape == outer.shape
        if not same or (pad is None) != (place.pad is None):
            return None
        return _with_input(op, k, replace(place, buffer=inner.name, pad=pad))
    for each in (op, _split(op, place, cast)):
        found = _before(each, each.inputs[k], cast)
        if found is not None:
            return _with_input(each, k, found)
    return None


def _held(pad: Constant, fmt: Format) -> Constant | None:
    """A pad value in a narrower format, if it is one of that format's numbers."""
    number = number_of(pad)
    if not isinstance(fmt, Float) and not float(number).is_integer():
        return None
    try:
        found = constant(number, fmt)
    except InternalError:
        return None
    return found if number_of(found) == number else None


def _with_input(op: Operation, k: int, place: Place) -> Operation:
    return replace(op, inputs=(*op.inputs[:k], place, *op.inputs[k + 1 :]))


def _split(op: Operation, place: Place, cast: Operation) -> Operation:
    """The operation with loops that count over several loops of the cast made as many loops."""
    for row, steps in zip(place.map.rows, cast.output.map.rows, strict=True):
        for step in steps:
            for loop, coefficient in enumerate(row):
                inner = step // coefficient if coefficient > 0 else 0
                if inner > 1 and inner * coefficient == step:
                    extent = op.loops[loop].extent
                    if extent > inner and extent % inner == 0:
                        divided = _divided(op, loop, inner)
                        return _split(divided, divided.inputs[op.inputs.index(place)], cast)
    return op


def _divided(op: Operation, loop: int, inner: int) -> Operation:
    """The same operation, one loop being two, the inner one of `inner` iterations."""
    names = {each.name for each in op.loops}
    old = op.loops[loop]
    name = next(n for n in (f"{old.name}{k}" for k in count(1)) if n not in names)
    loops = (replace(old, extent=old.extent // inner), Loop(name, inner))

    def wide(place: Place) -> Place:
        rows = tuple((*r[:loop], inner * r[loop], *r[loop:]) for r in place.map.rows)
        return replace(place, map=AffineMap(rows, place.map.offset))

    return replace(
        op,
        loops=(*op.loops[:loop], *loops, *op.loops[loop + 1 :]),
        outputs=tuple(replace(output, place=wide(output.place)) for output in op.outputs),
        inputs=tuple(wide(place) for place in op.inputs),
    )


def _before(op: Operation, place: Place, cast: Operation) -> Place | None:
    """Where the cast's operand has what `place` reads of its result; None if no affine access says it."""
    extents = [loop.extent for loop in op.loops]
    indices: dict[int, Row] = {}
    for row, offset, own, start in zip(
        place.map.rows, place.map.offset, cast.output.map.rows, cast.output.map.offset, strict=True
    ):
        digits = _digits((row, offset - start), own, extents)
        if digits is None or set(digits) & set(indices):
            return None
        indices |= digits
    if any(k not in indices and loop.extent > 1 for k, loop in enumerate(cast.loops)):
        return None
    rows, offsets = [], []
    for steps, start in zip(cast.inputs[0].map.rows, cast.inputs[0].map.offset, strict=True):
        total = [0] * len(extents)
        for k, step in enumerate(steps):
            coefficients, constant = indices.get(k, ((0,) * len(extents), 0))
            total = [t + step * c for t, c in zip(total, coefficients, strict=True)]
            start += step * constant
        rows.append(tuple(total))
        offsets.append(start)
    return Place(cast.inputs[0].buffer, AffineMap(tuple(rows), tuple(offsets)))


def _digits(index: Row, steps: Sequence[int], extents: Sequence[int]) -> dict[int, Row] | None:
    """The cast's loops at an index that is their sum with these steps, as a number is of its digits."""
    coefficients, constant = index
    found: dict[int, Row] = {}
    for step, loop in sorted(((s, k) for k, s in enumerate(steps) if s), reverse=True):
        if step < 0:
            return None
        high = tuple(c // step if c % step == 0 else 0 for c in coefficients)
        low = tuple(0 if c % step == 0 else c for c in coefficients)
        found[loop] = (high, constant // step)
        coefficients, constant = low, constant % step
        reach = [c * (n - 1) for c, n in zip(low, extents, strict=True)]
        least, most = (constant + sum(f(r, 0) for r in reach) for f in (min, max))
        if least < 0 or most >= step:
            return None
    return None if any(coefficients) or constant else found
