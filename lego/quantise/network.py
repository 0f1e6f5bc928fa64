"""A network in floating point to one whose contractions are in the accelerator's number formats.

Per contraction `Y = sum A B`: operands are divided by their scales, rounded to nearest even and
clipped to the format; the contraction sums in int32 or float32; an elementwise nest multiplies by
the scales of both. Weights have their scales and rounded values given, activations are rounded by a
nest. (Jacob et al., 2018, eq. 3, with zero points of 0; Micikevicius et al., 2022, for fp8.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lego.ir.affine import AffineMap
from lego.ir.constants import Constant, constant, number_of
from lego.ir.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT32, Format
from lego.ir.kinds import is_contraction
from lego.ir.network import Buffer, Network, Role, writes_of
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    Loop,
    Operation,
    Output,
    Place,
    Reduction,
    Step,
    Value,
    operands,
)
from lego.ir.promotion import applied, in_format
from lego.quantise.loops import own_dimensions, own_loops, split_loop, summed_loop
from lego.quantise.scheme import LARGEST, Scheme

__all__ = ["Multiplier", "Quantised", "Scale", "Weight", "quantised"]

SMALLEST = 16
"""Products that are worth a scale of their own."""
REAL = (FLOAT64, FLOAT32, FLOAT16, BFLOAT16)


@dataclass(frozen=True, slots=True)
class Scale:
    """A constant that comes from what a tensor holds: its largest magnitude over the format's.

    Attributes
    ----------
    name : the buffer of scales; its shape is that of `dims` of the source, then the number of
        blocks if there are any.
    source : the tensor.
    dims : dimensions along which every index has its own scale.
    block : (dimension, size): every so many indices of a dimension have their own.
    largest : of the format.
    """

    name: str
    source: str
    dims: tuple[int, ...]
    block: tuple[int, int] | None
    largest: float


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter in a number format: `source / scale`, rounded and clipped; scale None: cast only."""

    name: str
    source: str
    format: Format
    scale: Scale | None


@dataclass(frozen=True, slots=True)
class Multiplier:
    """The product of `scales` over `result` as integers m / 2^n, one n for all, the largest m from
    2^30 to 2^31.

    Attributes
    ----------
    name, shift, half : the buffers that hold m, n and 2^(n - 1); m has the shape of the scales that
        vary, in their order.
    """

    name: str
    shift: str
    half: str
    scales: tuple[Scale, ...]
    result: Scale


@dataclass(frozen=True, slots=True)
class Quantised:
    """The network, and how the contents of its new parameters and constants come about."""

    network: Network
    scales: tuple[Scale, ...]
    weights: tuple[Weight, ...]
    multipliers: tuple[Multiplier, ...] = ()


def quantised(network: Network, scheme: Scheme) -> Quantised:
    """The network with every contraction of real numbers in the scheme's formats; all else stays,
    names too."""
    work = _Quantising(network, scheme)
    for index, step in enumerate(network.steps):
        if isinstance(step, Operation) and work.is_eligible(step, index):
            work.contraction(step)
        else:
            work.steps.append(step)
    made = replace(network, buffers=tuple(work.buffers.values()), steps=tuple(work.steps))
    return Quantised(made, tuple(work.scales.values()), tuple(work.weights.values()))


@dataclass
class _Quantising:
    network: Network
    scheme: Scheme
    steps: list[Step] = field(default_factory=list)
    scales: dict[str, Scale] = field(default_factory=dict)
    weights: dict[str, Weight] = field(default_factory=dict)
    rounded: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.buffers = {buffer.name: buffer for buffer in self.network.buffers}
        self.writers: dict[str, list[int]] = {}
        for index, step in enumerate(self.network.steps):
            for name in writes_of(step):
                if not _fills(step):  # what fills it first isn't part of the sums
                    self.writers.setdefault(name, []).append(index)

    def is_eligible(self, op: Operation, index: int) -> bool:
        """A sum of products of real numbers, of tensors that are finished, alone in what it writes."""
        if not is_contraction(op):
            return False
        names = [op.inputs[k].buffer for k in operands(op.output.body)]
        return (
            all(self.buffers[name].format in REAL for name in names)
            and not any(place.indirect or _pads(place) for place in op.inputs)
            and all(at < index for name in names for at in self.writers.get(name, []))
            and len(self.writers[op.output.buffer]) == 1
        )

    def contraction(self, op: Operation) -> None:
        """The operands' roundings where they aren't there yet, the contraction, and its scaling."""
        roles = [self.buffers[place.buffer].role for place in op.inputs]
        weights = [k for k, role in enumerate(roles) if role in (Role.PARAMETER, Role.CONSTANT)]
        block, factors = None, _factors(op)
        if self.scheme.group and len(weights) == 1 and factors:
            op, block = self._blocked(op, weights[0])
        places, scales = [], []
        for k, place in enumerate(op.inputs):
            if k in weights:
                dims = own_dimensions(op, place) if self.scheme.channels and factors else ()
                name, scale = self._weight(place, dims, block)
            else:
                name, scale = self._activation(place.buffer)
            pad = None if place.pad is None else constant(0, self.buffers[name].format)
            places.append(replace(place, buffer=name, pad=pad))
            scales.append(scale)
        if self.scheme.integer or any(scales):
            self._scaled(op, places, scales, block, factors)
        else:
            self.steps.append(self._reading(op, places, self.buffers[op.output.buffer].format))

    def _blocked(self, op: Operation, weight: int) -> tuple[Operation, tuple[int, int, int] | None]:
        """The longest summed loop in blocks of the largest divisor that is no larger than the
        group: the outer loop's number, the dimension of the weights, and the size."""
        place = op.inputs[weight]
        found = summed_loop(op, place)
        if found is None or not self.scheme.group:
            return op, None
        loop, dim = found
        extent = op.loops[loop].extent
        if extent != self.buffers[place.buffer].shape[dim]:
            return op, None
        size = max(d for d in range(1, min(extent, self.scheme.group) + 1) if extent % d == 0)
        if size < min(extent, SMALLEST):
            return op, None
        return split_loop(op, loop, size), (loop, dim, size)

    def _activation(self, name: str) -> tuple[str, Scale | None]:
        fmt = self.scheme.activations
        largest = LARGEST[fmt]
        scale = self._scale(name, (), None, largest, fmt) if largest else None
        if name not in self.rounded:
            self.rounded[name] = self._declare(f"{name}.{fmt}", self.buffers[name].shape, fmt)
            self.steps.append(self._rounding(name, self.rounded[name], scale))
        return self.rounded[name], scale

    def _rounding(self, source: str, name: str, scale: Scale | None) -> Operation:
        loops = tuple(Loop(f"d{k}", n) for k, n in enumerate(self.buffers[source].shape))
        inputs = [Place(source, _identity(len(loops)))]
        body: Body = Value(0, self.buffers[source].format)
        if scale is not None:
            inputs.append(Place(scale.name, AffineMap((), ())))
            scaled = applied(Fn.DIV, body, Value(1, FLOAT32))
            body = _clipped(scaled, scale.largest, self.scheme)
        cast = Apply(Fn.CAST, (body,), self.buffers[name].format)
        output = Output(Place(name, _identity(len(loops))), cast)
        return Operation(name, loops, (output,), tuple(inputs), source="quantise")

    def _reading(self, op: Operation, places: Sequence[Place], fmt: Format) -> Operation:
        """The contraction of other operands, in the format of its sums."""
        output = replace(op.output, body=in_format(op.output.body, fmt))
        return replace(op, outputs=(output,), inputs=tuple(places))

    def _weight(
        self, place: Place, dims: tuple[int, ...], block: tuple[int, int, int] | None
    ) -> tuple[str, Scale | None]:
        fmt = self.scheme.weights
        largest = LARGEST[fmt]
        dims = dims if place.pad is None else ()
        blocks = block[1:] if block else None
        scale = self._scale(place.buffer, dims, blocks, largest, fmt) if largest else None
        name = f"{scale.name.removesuffix('.scale')}" if scale else f"{place.buffer}.{fmt}"
        if name not in self.weights:
            self._declare(name, self.buffers[place.buffer].shape, fmt, Role.PARAMETER)
            self.weights[name] = Weight(name, place.buffer, fmt, scale)
        return name, scale

    def _scale(
        self, source: str, dims: tuple[int, ...], block: tuple[int, int] | None, largest: float, fmt: Format
    ) -> Scale:  # fmt: skip
        how = "_".join(["", *map(str, dims), *([f"{block[0]}x{block[1]}"] if block else [])])
        name = f"{source}.{fmt}{how}.scale"
        if name not in self.scales:
            held = self.buffers[source].shape
            shape = [held[dim] for dim in dims] + ([held[block[0]] // block[1]] if block else [])
            self._declare(name, tuple(shape), FLOAT32, Role.CONSTANT)
            self.scales[name] = Scale(name, source, dims, block, largest)
        return self.scales[name]

    def _scaled(
        self,
        op: Operation,
        places: list[Place],
        scales: list[Scale | None],
        block: tuple[int, int, int] | None,
        per_loop: bool,
    ) -> None:
        """The contraction into a buffer of sums, and the nest that multiplies them by the scales."""
        out = self.buffers[op.output.buffer]
        fmt = INT32 if self.scheme.integer else FLOAT32
        kept = [k for k in range(len(op.loops)) if any(row[k] for row in op.output.map.rows)]
        if per_loop:
            kept = kept if block is None else sorted([*kept, block[0]])
            shape = tuple(op.loops[k].extent for k in kept)
            rows = tuple(tuple(int(j == k) for j in range(len(op.loops))) for k in kept)
            sums = Place(out.name, AffineMap(rows, (0,) * len(kept)))
        else:
            shape, sums = out.shape, op.output.place
        sums = replace(sums, buffer=self._declare(f"{out.name}.sums", shape, fmt))
        if not per_loop:
            self._move_fill(out.name, sums.buffer)
        summing = replace(op, outputs=(replace(op.output, place=sums),))
        self.steps.append(self._reading(summing, places, fmt))
        self.steps.append(self._scaling(op, sums, shape, scales, kept if per_loop else None))

    def _move_fill(self, old: str, new: str) -> None:
        """What filled the contraction's output fills its sums."""
        fmt = self.buffers[new].format
        for k, step in enumerate(self.steps):
            if isinstance(step, Operation) and old in writes_of(step):
                place = replace(step.output.place, buffer=new)
                body = step.output.body
                if isinstance(body, Constant):
                    body = constant(number_of(body), fmt)
                output = replace(step.output, place=place, body=body)
                self.steps[k] = replace(step, outputs=(output,))

    def _scaling(
        self,
        op: Operation,
        sums: Place,
        shape: tuple[int, ...],
        scales: list[Scale | None],
        kept: list[int] | None,
    ) -> Operation:
        """Over the sums' elements; `kept` are the loops of the contraction that these follow, None
        if it isn't one each."""
        loops = tuple(Loop(f"d{k}", n) for k, n in enumerate(shape))
        inputs = [Place(sums.buffer, _identity(len(shape)))]
        body: Body = Value(0, self.buffers[sums.buffer].format)
        blocked = False
        for scale, place in zip(scales, op.inputs, strict=True):
            if scale is None:
                continue
            blocked |= scale.block is not None
            body = applied(Fn.MUL, body, Value(len(inputs), FLOAT32))
            inputs.append(Place(scale.name, _of_scale(scale, place, op, kept)))
        access = _identity(len(shape))
        if kept is not None:
            access = AffineMap(op.output.map.columns(kept), op.output.map.offset)
        how = Reduction.ADD if blocked else Reduction.ASSIGN
        target = Place(op.output.buffer, access)
        output = Output(target, body, how)
        return Operation(f"{op.name}.scale", loops, (output,), tuple(inputs), source="quantise")

    def _declare(
        self, name: str, shape: tuple[int, ...], fmt: Format, role: Role = Role.RESULT
    ) -> str:
        self.buffers[name] = Buffer(name, shape, fmt, role)
        return name


def _factors(op: Operation) -> bool:
    """Whether each of the output's loops has elements of its own, so that scales may vary along them."""
    kept = {k for row in op.output.map.rows for k, c in enumerate(row) if c}
    return own_loops(op) >= kept and not op.output.clipped


def _identity(rank: int) -> AffineMap:
    return AffineMap(
        tuple(tuple(int(j == k) for j in range(rank)) for k in range(rank)), (0,) * rank
    )


def _clipped(body: Body, largest: float, scheme: Scheme) -> Body:
    if scheme.integer:
        body = applied(Fn.ROUND, body)
    low, high = (constant(end, _real(body.format)) for end in (-largest, largest))
    return applied(Fn.MIN, applied(Fn.MAX, body, low), high)


def _real(fmt: Format) -> Format:
    """What a number beside a tensor of a format is in."""
    return FLOAT64 if fmt == FLOAT64 else FLOAT32


def _pads(place: Place) -> bool:
    """Whether it reads anything but zero outside its buffer."""
    return place.pad is not None and number_of(place.pad) != 0


def _fills(step: Step) -> bool:
    """Whether it only writes a number everywhere."""
    return isinstance(step, Operation) and all(
        isinstance(output.body, Constant) for output in step.outputs
    )


def _of_scale(scale: Scale, place: Place, op: Operation, kept: list[int] | None) -> AffineMap:
    """Which scale belongs to an element of the sums."""
    if not scale.dims and scale.block is None:
        return AffineMap((), ())
    assert kept is not None  # noqa: S101  scales that vary need loops to vary along
    rows = [tuple(place.map.rows[dim][k] for k in kept) for dim in scale.dims]
    offset = [place.map.offset[dim] for dim in scale.dims]
    if scale.block is not None:
        dim, size = scale.block
        rows.append(tuple(place.map.rows[dim][k] // size for k in kept))
        offset.append(0)
    return AffineMap(tuple(rows), tuple(offset))
