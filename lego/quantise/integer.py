"""Networks of real numbers as networks of integers only, for devices that have nothing else.

Every tensor between two nests is of bytes with one scale, `real = scale * integer`. Contractions
are of bytes and sum in int32; what stands between a contraction and the next tensor is evaluated as
one affine form (forms.py) and becomes one rounding (rounding.py). Elementwise nests aren't run
until someone needs what they write: forms are carried along.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lego.ir.affine import AffineMap
from lego.ir.checks.check import checked
from lego.ir.constants import constant, number_of
from lego.ir.formats import EXACT, INT8, INT32, Float, Integer
from lego.ir.kinds import is_contraction
from lego.ir.network import Network, Role, writes_of
from lego.ir.operation import Apply, Fn, Operation, Output, Place, Reduction, Step, Value, operands
from lego.quantise.access import Array, leaves, window
from lego.quantise.forms import Form, NotAffine, Stream, form_of, is_one
from lego.quantise.loops import own_dimensions, own_loops, split_loop
from lego.quantise.tensors import LARGEST, Pending, Tensors, refused

__all__ = ["InIntegers", "in_integers"]

KNOWN = (
    "contractions, per-channel factors and sums, ReLU and other fixed bounds, sums of two tensors, "
    "max and average pooling have forms; let the host do the rest, or replace it"
)


@dataclass(frozen=True, slots=True)
class InIntegers:
    """A network of integers and what it is given.

    Attributes
    ----------
    values : of its parameters and constants, in their formats.
    scales : of every tensor of bytes that is given or computed: a number is as many times its scale.
    """

    network: Network
    values: dict[str, NDArray[Any]]
    scales: dict[str, float]

    def rounded(self, name: str, values: NDArray[Any]) -> NDArray[np.int8]:
        """Numbers as bytes of this tensor, as the host gives an input: halves to even, clipped."""
        steps = np.rint(np.asarray(values, dtype=np.float64) / self.scales[name])
        return np.clip(steps, INT8.low, INT8.high).astype(np.int8)

    def real(self, name: str, values: NDArray[Any]) -> Array:
        """The numbers that bytes of this tensor stand for."""
        return values.astype(np.float64) * self.scales[name]


def in_integers(
    network: Network,
    values: Mapping[str, NDArray[Any]],
    ranges: Mapping[str, float],
    *,
    residual: Integer = INT32,
) -> InIntegers:
    """The network in integers only; tensors of bytes have the names that they had.

    Parameters
    ----------
    values : of parameters and constants.
    ranges : the largest magnitude that each tensor holds.
    residual : format of what the second of two tensors that are added is multiplied by. What is added to
        a narrow one is scaled more coarsely, too, as both are shifted alike.

    Raises E423 for what has no form in integers, and for values and ranges that are missing.
    """
    work = _Walk(Tensors(network, values, ranges, residual))
    for step in network.steps:
        work.step(step)
    tensors = work.tensors
    buffers, steps = tuple(tensors.buffers.values()), tuple(tensors.steps)
    made = Network(network.name, buffers, steps, network.inputs, network.outputs)
    checked(made)
    scales = {name: tensors.scales[name] for name in tensors.scales if name in tensors.buffers}
    return InIntegers(made, tensors.made, scales)


class _Walk:
    """Goes through the steps of a network of real numbers."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors
        self.weights: dict[tuple[str, int | None], tuple[str, Array]] = {}
        self.writers = Counter(name for s in tensors.network.steps for name in writes_of(s))

    def step(self, step: Step) -> None:
        """One step. Raises E423."""
        if not isinstance(step, Operation):
            raise refused(step, step.reason, KNOWN)
        try:
            self._nest(step)
        except NotAffine as error:
            raise refused(step, str(error), KNOWN) from None

    def _nest(self, op: Operation) -> None:
        if len(op.outputs) > 1 or op.domain or op.output.clipped:
            raise NotAffine("it isn't one result for every iteration of a box")
        if self.writers[op.output.buffer] > 1:
            raise NotAffine(f"{op.output.buffer} is written by several nests")
        if not isinstance(self.tensors.before(op.output.buffer).format, Float):
            raise NotAffine("its result isn't of real numbers")
        match op.output.reduction:
            case Reduction.ASSIGN:
                self._elementwise(op)
            case Reduction.ADD if is_contraction(op):
                self._contraction(op)
            case Reduction.ADD:
                self._sum(op)
            case Reduction.MAX if isinstance(op.output.body, Value):
                self._maximum(op, op.inputs[op.output.body.index])
            case other:
                raise NotAffine(f"it reduces by {other} of something else than a tensor")

    def _elementwise(self, op: Operation) -> None:
        """A form on, with as few of its tensors written before it as possible, older ones first."""
        op = self._split(op)
        reason: NotAffine | None = None
        for chosen in self._choices(op):
            try:
                form = self._form(op, chosen)
            except NotAffine as error:
                reason = reason or error
                continue
            for stream in form.streams:
                self.tensors.write(stream.place.buffer)
            self.tensors.add(op.output.buffer, Pending(op, op.loops, op.output.place, form))
            return
        assert reason is not None  # noqa: S101  there is always a choice: none
        raise reason

    def _split(self, op: Operation) -> Operation:
        """The nest with those loops as two that run over what two loops of a form make."""
        for index in range(len(op.inputs)):
            while (found := self.tensors.crossed(op.inputs[index], op)) is not None:
                op = split_loop(op, *found)
        return op

    def _choices(self, op: Operation) -> Iterator[frozenset[str]]:
        """Sets of tensors that could be written before the nest."""
        names = {place.buffer for place in op.inputs if self.tensors.is_open(place.buffer)}
        oldest = sorted(names, key=lambda name: (self.tensors.age(name), name))
        for count in range(len(oldest) + 1):
            yield from map(frozenset, combinations(oldest, count))

    def _form(self, op: Operation, written: frozenset[str]) -> Form:
        """The form of a nest. Raises NotAffine, also for streams that no rounding takes."""
        read = [
            self.tensors.as_bytes(place, op)
            if place.buffer in written
            else self.tensors.read(place, op)
            for place in op.inputs
        ]
        form = form_of(op.output.body, read, len(op.loops))
        constants = [form.offset, *(stream.factor for stream in form.streams)]
        if not all(np.isfinite(each).all() for each in constants):
            raise NotAffine("its constants aren't finite")
        return replace(form, streams=self._ordered(form.streams))

    def _ordered(self, streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
        """Sums first, then bytes, of which a second one has one factor."""
        is_sums = [self._is_sums(stream.place.buffer) for stream in streams]
        if not streams:
            raise NotAffine("it depends on nothing that the network is given")
        if len(streams) > 2 or sum(is_sums) > 1:
            raise NotAffine("it adds more than two tensors")
        first, *others = sorted(
            streams, key=lambda s: (not self._is_sums(s.place.buffer), is_one(s.factor))
        )
        if any(not is_one(other.factor) for other in others):
            raise NotAffine("it adds two tensors that are both scaled per channel")
        return (first, *others)

    def _is_sums(self, name: str) -> bool:
        held = self.tensors.buffers.get(name)
        return held is not None and held.format == INT32

    def _bytes(self, place: Place, op: Operation) -> Stream:
        """An operand as bytes, which are written now if they weren't."""
        (stream,) = self.tensors.as_bytes(place, op).streams
        self.tensors.write(place.buffer)
        return stream

    def _contraction(self, op: Operation) -> None:
        """Of bytes, into sums in int32 that are a form."""
        if len(op.inputs) != 2 or len(list(operands(op.output.body))) != 2:
            raise NotAffine("it is a product of more than two tensors")
        factor = np.ones((1,) * len(op.loops))
        places: list[Place] = []
        weighted = False
        for place in op.inputs:
            if self.tensors.is_known(place.buffer):
                place, scale = self._weight(op, place)
                weighted = True
            else:
                stream = self._bytes(place, op)
                place, scale = stream.place, stream.factor
            places.append(place)
            factor = factor * scale
        terms = op.iterations // max(1, self._written(op))
        if terms * -INT8.low * (LARGEST if weighted else -INT8.low) > INT32.high:
            raise NotAffine(f"sums of {terms} products may not fit int32")
        body = Apply(Fn.MUL, (Value(0, EXACT), Value(1, EXACT)), EXACT)
        self._sums(op, body, tuple(places), factor)

    def _written(self, op: Operation) -> int:
        kept = {k for row in op.output.map.rows for k, c in enumerate(row) if c}
        found = 1
        for k in kept:
            found *= op.loops[k].extent
        return found

    def _sums(
        self, op: Operation, body: Apply | Value, places: tuple[Place, ...], factor: Array
    ) -> None:
        """A reduction into int32; every sum is as many times its factor."""
        kept = sorted({k for row in op.output.map.rows for k, c in enumerate(row) if c})
        if not own_loops(op) >= set(kept):
            raise NotAffine("windows of its result overlap")
        name = op.output.buffer
        sums = self.tensors.declare(f"{name}.sums", self.tensors.before(name).shape, INT32)
        place = replace(op.output.place, buffer=sums)
        self.tensors.steps.append(
            replace(op, outputs=(Output(place, body, Reduction.ADD),), inputs=places)
        )
        loops = tuple(op.loops[k] for k in kept)
        access = AffineMap(op.output.map.columns(kept), op.output.map.offset)
        gone = tuple(k for k in range(len(op.loops)) if k not in kept)
        stream = Stream(Place(sums, access), factor.squeeze(gone))
        form = Form((stream,), np.zeros((1,) * len(kept)))
        self.tensors.add(name, Pending(op, loops, Place(name, access), form))

    def _weight(self, op: Operation, place: Place) -> tuple[Place, Array]:
        """Weights in bytes and their scales, one for every index of the largest dimension that only
        results have, if there is one."""
        values = self.tensors.known(place.buffer, op)
        inside = self.tensors.is_inside(place, op)
        dims = own_dimensions(op, place) if inside else ()
        dim = max(dims, key=lambda d: values.shape[d], default=None)
        name, scales = self._rounded(place.buffer, values, dim)
        pad = None if inside else constant(0, INT8)
        if dim is None:
            along = np.full((1,) * len(op.loops), scales)
        else:
            row = AffineMap((place.map.rows[dim],), (place.map.offset[dim],))
            along = window(scales, row, op.extents)
        return replace(place, buffer=name, pad=pad), along

    def _rounded(self, source: str, values: Array, dim: int | None) -> tuple[str, Array]:
        """The weights' name in bytes, and their scales; once for each dimension that they vary with."""
        if (source, dim) not in self.weights:
            gone = tuple(k for k in range(values.ndim) if k != dim)
            most = np.abs(values).max(axis=gone, keepdims=True)
            scales = np.where(most > 0, most, 1.0) / LARGEST
            count = sum(name == source for name, _ in self.weights)
            name = f"{source}.{count}" if count else source
            self.tensors.hold(name, np.rint(values / scales), INT8, Role.PARAMETER)
            self.weights[source, dim] = (name, scales.reshape(-1 if dim is not None else ()))
        return self.weights[source, dim]

    def _sum(self, op: Operation) -> None:
        """Of one tensor of bytes, as average pooling is."""
        read = [
            self.tensors.read(place, op)
            if self.tensors.is_known(place.buffer)
            else self.tensors.as_bytes(place, op)
            for place in op.inputs
        ]
        form = form_of(op.output.body, read, len(op.loops))
        if len(form.streams) != 1 or form.is_bounded or form.offset.any():
            raise NotAffine("it sums something else than multiples of one tensor")
        (stream,) = form.streams
        kept = {k for row in op.output.map.rows for k, c in enumerate(row) if c}
        if any(k not in kept for k, n in enumerate(stream.factor.shape) if n > 1):
            raise NotAffine("it weighs the terms of a sum")
        terms = op.iterations // max(1, self._written(op))
        if terms * -INT8.low > INT32.high:
            raise NotAffine(f"sums of {terms} bytes may not fit int32")
        self.tensors.write(stream.place.buffer)
        self._sums(op, Value(0, EXACT), (stream.place,), stream.factor)

    def _maximum(self, op: Operation, place: Place) -> None:
        """Max pooling: bytes of the same scale; outside there is the least byte."""
        tensors, name = self.tensors, op.output.buffer
        if place.indirect or tensors.is_known(place.buffer):
            raise NotAffine("it takes the largest of something else than a computed tensor")
        before = tensors.before(place.buffer)
        outside = leaves(place.map, op.extents, before.shape)
        if outside and (place.pad is None or number_of(place.pad) != -math.inf):
            raise NotAffine(f"it pads {place.buffer} with something that may be the largest")
        pad = constant(INT8.low, INT8) if outside else None
        tensors.scales[name] = tensors.scale(place.buffer, op)
        tensors.write(place.buffer)
        tensors.declare(name, tensors.before(name).shape, INT8)
        output = replace(op.output, body=Value(0, EXACT))
        tensors.steps.append(replace(op, outputs=(output,), inputs=(replace(place, pad=pad),)))
