"""Tensors on the way from real numbers to bytes: which are written, which are still forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lego.diag import LegoError
from lego.ir.affine import AffineMap
from lego.ir.constants import Constant, constant, number_of
from lego.ir.formats import EXACT, INT8, INT16, INT32, Float, Integer
from lego.ir.network import Buffer, Network, Role, reads_of, writes_of
from lego.ir.operation import Body, Loop, Operation, Output, Place, Step, Value
from lego.quantise.access import Array, composed, leaves, loops_behind, moved, window
from lego.quantise.forms import Form, NotAffine, Stream, constant_form, is_one
from lego.quantise.rounding import bounds_of, rounding, rounding_body

__all__ = ["LARGEST", "Pending", "Tensors", "refused"]

LARGEST = 127
"""What a tensor's largest magnitude becomes."""


def refused(step: Step, why: str, hint: str) -> LegoError:
    """The error for a step that has no form in integers."""
    message = f"{step.name} ({step.source}) has no form in integers: {why}"
    return LegoError("E423", message, loc=getattr(step, "loc", None), hint=hint)


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A tensor that isn't written yet.

    Attributes
    ----------
    op : the last nest that makes it.
    loops : those of the form.
    place : where each iteration's number belongs.
    """

    op: Operation
    loops: tuple[Loop, ...]
    place: Place
    form: Form

    @property
    def extents(self) -> list[int]:
        """Of the loops."""
        return [loop.extent for loop in self.loops]


class Tensors:
    """The tensors of a network as far as they have been made.

    Attributes
    ----------
    network : that of real numbers.
    residual : format of the factor of a second tensor in a rounding.
    buffers, steps : of the one in integers.
    made : values of its parameters and constants.
    scales : of tensors of bytes; of some before they are written.
    """

    def __init__(
        self,
        network: Network,
        values: Mapping[str, NDArray[Any]],
        ranges: Mapping[str, float],
        residual: Integer = INT32,
    ) -> None:
        self.network, self.residual = network, residual
        self.buffers: dict[str, Buffer] = {}
        self.steps: list[Step] = []
        self.made: dict[str, NDArray[Any]] = {}
        self.scales: dict[str, float] = {}
        self._values, self._ranges = values, ranges
        self._given = {buffer.name: buffer for buffer in network.buffers}
        self._pending: dict[str, Pending] = {}
        self._readers = Counter(name for step in network.steps for name in set(reads_of(step)))
        for name in network.inputs:
            self.declare(name, self._given[name].shape, INT8, Role.INPUT)

    def before(self, name: str) -> Buffer:
        """A buffer of the network of real numbers."""
        return self._given[name]

    def declare(
        self, name: str, shape: Sequence[int], fmt: Integer, role: Role = Role.RESULT
    ) -> str:
        """A new buffer; returns its name."""
        self.buffers[name] = Buffer(name, tuple(shape), fmt, role)
        return name

    def hold(self, name: str, values: NDArray[Any], fmt: Integer, role: Role) -> str:
        """A new parameter or constant; returns its name."""
        self.made[name] = values.astype(str(fmt))
        return self.declare(name, values.shape, fmt, role)

    def is_known(self, name: str) -> bool:
        """Whether it is a parameter or a constant."""
        return self._given[name].role in (Role.PARAMETER, Role.CONSTANT)

    def known(self, name: str, op: Operation) -> Array:
        """The numbers of a parameter or a constant. Raises E423 if they aren't given."""
        if name not in self._values:
            hint = f"give the values of {name}"
            raise refused(op, f"nothing says what {name} holds", hint)
        return np.asarray(self._values[name], dtype=np.float64)

    def scale(self, name: str, op: Operation) -> float:
        """What one step of a tensor of bytes is. Raises E423 for one without a range."""
        if name not in self.scales:
            most = self._ranges.get(name)
            if most is None or not np.isfinite(most):
                hint = "calibrate with samples that reach it, of finite numbers"
                raise refused(op, f"the range of {name} isn't known", hint)
            self.scales[name] = (most or 1.0) / LARGEST
        return self.scales[name]

    def add(self, buffer: str, pending: Pending) -> None:
        """A tensor that a form makes. It is written at once where several nests read it, or the host."""
        self._pending[buffer] = pending
        if (source := self._copied(pending.form)) is not None:
            self.scales[buffer] = self.scales[source]
        if self._readers[buffer] > 1 or buffer in self.network.outputs:
            self.write(buffer)

    def is_open(self, name: str) -> bool:
        """Whether it is a form that isn't written."""
        return name in self._pending

    def age(self, name: str) -> int:
        """Steps before the newest stream of a form was written."""
        streams = self._pending[name].form.streams
        return max(self._writer(stream.place.buffer) for stream in streams)

    def as_bytes(self, place: Place, op: Operation) -> Form:
        """What an access to a tensor meets as bytes; nothing is written yet."""
        scale = self.scale(place.buffer, op)
        pad = None if self.is_inside(place, op) else constant(0, INT8)
        loops = (1,) * len(op.loops)
        return Form((Stream(replace(place, pad=pad), np.full(loops, scale)),), np.zeros(loops))

    def is_inside(self, place: Place, op: Operation) -> bool:
        """Whether no iteration leaves the buffer. Raises NotAffine where something but 0 is read
        outside, or an index is looked up."""
        if place.indirect:
            raise NotAffine("it looks up indices")
        inside = not leaves(place.map, op.extents, self._given[place.buffer].shape)
        if not inside and (place.pad is None or number_of(place.pad)):
            raise NotAffine(f"it pads {place.buffer} with something else than 0")
        return inside

    def read(self, place: Place, op: Operation) -> Form:
        """What an access to a tensor or to constants meets: a form that isn't written if it can
        be, else bytes."""
        inside = self.is_inside(place, op)
        if not isinstance(self._given[place.buffer].format, Float):
            raise NotAffine(f"{place.buffer} isn't of real numbers")
        if self.is_known(place.buffer):
            if not inside:
                raise NotAffine(f"it pads the constants {place.buffer}")
            return constant_form(window(self.known(place.buffer, op), place.map, op.extents))
        pending = self._pending.get(place.buffer)
        if pending is None or not inside:
            return self.as_bytes(place, op)
        behind = loops_behind(pending.place.map, pending.extents, place.map, op.extents)
        return self.as_bytes(place, op) if behind is None else _seen(pending.form, behind, op)

    def crossed(self, place: Place, op: Operation) -> tuple[int, int] | None:
        """A loop of a nest that runs through a whole dimension of a form that several loops make, and
        the step of the second one from within."""
        pending = self._pending.get(place.buffer)
        if pending is not None:
            for written, row in zip(pending.place.map.rows, place.map.rows, strict=True):
                steps = sorted(
                    c for c, n in zip(written, pending.extents, strict=True) if c and n > 1
                )
                used = [k for k, c in enumerate(row) if c]
                if len(steps) > 1 and len(used) == 1 and row[used[0]] == 1:
                    extent = op.loops[used[0]].extent
                    if extent > steps[1] > 0 and not extent % steps[1]:
                        return used[0], steps[1]
        return None

    def write(self, name: str) -> None:
        """The nest that makes a tensor's bytes, right after what it reads was written."""
        pending = self._pending.pop(name, None)
        if pending is None:
            return
        self.declare(name, self._given[name].shape, INT8)
        at = 1 + max(self._writer(stream.place.buffer) for stream in pending.form.streams)
        self.steps.insert(at, self._rounding(name, pending))

    def _writer(self, name: str) -> int:
        """The step that wrote a buffer; -1 for inputs."""
        found = [k for k, step in enumerate(self.steps) if name in writes_of(step)]
        return found[-1] if found else -1

    def _rounding(self, name: str, pending: Pending) -> Operation:
        form, op = pending.form, pending.op
        scale = self.scale(name, op)
        first = form.streams[0]
        inputs = [first.place]
        if self._copied(form) is not None:
            body: Body = Value(0, EXACT)
        else:
            second = form.streams[1] if len(form.streams) > 1 else None
            by = float(second.factor.flat[0]) / scale if second is not None else 0.0
            found = rounding(first.factor / scale, form.offset / scale, by, self.residual)
            if found is None:
                why = (
                    f"it multiplies or adds too much for the range {scale * LARGEST:.3g} of {name}"
                )
                raise refused(op, why, "calibrate with samples like those that it will be given")
            factor = self._operand(f"{name}.multiplier", found.multiplier, INT16, pending, inputs)
            offset = self._operand(f"{name}.offset", found.offset, INT32, pending, inputs)
            other = None
            if second is not None:
                inputs.append(second.place)
                other = (Value(len(inputs) - 1, EXACT), found.second)
            bounds = bounds_of(form.low, form.high, scale)
            body = rounding_body(factor, offset, other, found.shift, bounds)
        output = Output(replace(pending.place, buffer=name), body)
        used = {step.name for step in self.steps}
        title = f"{op.name}.round" if op.name in used else op.name
        return Operation(title, pending.loops, (output,), tuple(inputs), (), op.source, op.loc)

    def _copied(self, form: Form) -> str | None:
        """The tensor whose bytes a form takes as they are, if it does."""
        first, *others = form.streams
        source = first.place.buffer
        if others or form.is_bounded or form.offset.any() or self.buffers[source].format != INT8:
            return None
        return source if (first.factor == self.scales[source]).all() else None

    def _operand(
        self, name: str, values: NDArray[np.int64], fmt: Integer, pending: Pending, inputs: list[Place]
    ) -> Body:  # fmt: skip
        """A number, or constants that vary along one dimension of what is written, which are one
        more input. Raises E423 for others."""
        if is_one(values):
            return Constant(int(values.flat[0]), EXACT)
        written = pending.place.map
        for dim, row in enumerate(written.rows):
            if all(row[k] for k in moved(values)):
                access = AffineMap((row,), (written.offset[dim],))
                size = self._given[pending.place.buffer].shape[dim]
                self.hold(name, _spread(values, access, pending.extents, size), fmt, Role.CONSTANT)
                inputs.append(Place(name, access))
                return Value(len(inputs) - 1, EXACT)
        why = "its constants vary along more than one dimension"
        raise refused(pending.op, why, "scale and add per channel, or leave it to the host")


def _spread(
    values: NDArray[np.int64], access: AffineMap, extents: Sequence[int], size: int
) -> NDArray[np.int64]:
    """Constants with an axis per loop as those of a dimension of so many elements."""
    index = window(np.arange(size), access, extents).astype(np.int64)
    held = np.zeros(size, dtype=np.int64)
    held[index] = np.broadcast_to(values, np.broadcast_shapes(values.shape, index.shape))
    return held


def _seen(form: Form, behind: AffineMap, op: Operation) -> Form:
    """A form from the loops of who reads it."""
    loops = len(op.loops)

    def constants(values: Array) -> Array:
        kept = moved(values)
        rows = AffineMap(tuple(behind.rows[k] for k in kept), tuple(behind.offset[k] for k in kept))
        return window(values.reshape([values.shape[k] for k in kept]), rows, op.extents)

    streams = tuple(
        Stream(
            replace(each.place, map=composed(each.place.map, behind, loops)),
            constants(each.factor),
        )
        for each in form.streams
    )
    return replace(form, streams=streams, offset=constants(form.offset))
