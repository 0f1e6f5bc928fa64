"""Operations as arrays of functional units have them: one output of integers, affine accesses, and
bodies in the operators that FUs have. The front and the back end see nothing wider."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from lego.diag import LegoError, Loc
from lego.ir import intervals
from lego.ir.affine import AffineMap
from lego.ir.constants import Constant
from lego.ir.domain import Inequality, points
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import EXACT, Integer
from lego.ir.intervals import Interval
from lego.ir.network import Buffer
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    HostCall,
    Loop,
    Operation,
    Place,
    Position,
    Reduction,
    Value,
)
from lego.ir.workload import Workload

__all__ = [
    "MAX_SHIFT",
    "SPANS",
    "WIDEST",
    "Access",
    "ArrayOperation",
    "Tensor",
    "Unfit",
    "array_body",
    "array_operation",
    "most_terms",
    "narrowed",
    "wraps_within",
]

MAX_SHIFT = 62
"""Bits by which a body may shift."""
WIDEST = 32
"""Bits of the integers that memories and FUs have."""

_BINARY = {
    Fn.ADD: BinaryOp.ADD,
    Fn.SUB: BinaryOp.SUB,
    Fn.MUL: BinaryOp.MUL,
    Fn.MAX: BinaryOp.MAX,
    Fn.MIN: BinaryOp.MIN,
}
_SHIFTS = {Fn.SHL: BinaryOp.SHL, Fn.SHIFT: BinaryOp.SHR}
_UNARY = {Fn.NEG: UnaryOp.NEG, Fn.ABS: UnaryOp.ABS}
_RING = frozenset({Fn.ADD, Fn.SUB, Fn.MUL, Fn.NEG, Fn.SHL})
"""Functions whose low bits depend on low bits alone."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why something doesn't fit arrays."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array of integers.

    Attributes
    ----------
    shape : elements per dimension, each >= 1: the maximum over all run-time sizes.
    format : number format of the elements.
    pad : value read outside the tensor; None means that no access may leave it.
    """

    name: str
    shape: tuple[int, ...]
    format: Integer
    pad: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Reads or writes `tensor[map(iteration)]`; `map` sends loops (in order) to dimensions."""

    tensor: str
    map: AffineMap
    loc: Loc | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ArrayOperation:
    """`output reduction= body(inputs)` for every point of the domain, as in
    :class:`lego.ir.operation.Operation`.

    `body` refers to `inputs` by position; the same access appears in `inputs` only once.
    """

    name: str
    loops: tuple[Loop, ...]
    output: Access
    inputs: tuple[Access, ...]
    body: Expr
    reduction: Reduction
    domain: tuple[Inequality, ...] = ()
    loc: Loc | None = field(default=None, compare=False)

    @property
    def extents(self) -> tuple[int, ...]:
        """The box at the maximum bounds."""
        return tuple(loop.extent for loop in self.loops)

    @property
    def iterations(self) -> int:
        """Number of points of the iteration domain at the maximum bounds."""
        return points(self.extents, self.domain)

    @property
    def terms(self) -> int:
        """Most contributions that one element gets: iterations of the box of all loops but one per
        dimension, which moves that dimension only."""
        return most_terms(self.extents, self.output.map)

    def loop_index(self, name: str) -> int:
        """Position of the loop called `name`; ValueError if there is none."""
        return [loop.name for loop in self.loops].index(name)


def most_terms(extents: tuple[int, ...], output: AffineMap) -> int:
    """As :attr:`ArrayOperation.terms`, of a box and what it writes."""
    terms = math.prod(extents)
    for row in output.rows:
        terms //= max(
            (
                extent
                for i, extent in enumerate(extents)
                if row[i] and sum(other[i] != 0 for other in output.rows) == 1
            ),
            default=1,
        )
    return terms


def array_body(op: Operation) -> Expr | Unfit:
    """The body of an operation in the operators that FUs have, whatever its number formats, or the
    reason why it has none."""
    if len(op.outputs) != 1:
        return Unfit(f"it has {len(op.outputs)} outputs")
    if any(place.indirect for place in op.inputs):
        return Unfit("it looks up what it reads")
    return _expr(op.output.body)


def _expr(body: Body) -> Expr | Unfit:
    match body:
        case Value(index):
            return Operand(index)
        case Constant(int() | Fraction() as value) if value.denominator == 1:
            return Literal(int(value))
        case Constant():
            return Unfit("a number in it is no integer")
        case Position():
            return Unfit("it computes with the index of a loop")
        case Apply(fn, (left, Constant(int(by)))) if fn in _SHIFTS and by in range(MAX_SHIFT + 1):
            inner = _expr(left)
            return inner if isinstance(inner, Unfit) else Binary(_SHIFTS[fn], inner, Literal(by))
        case Apply(fn, (one,)) if fn in _UNARY:
            inner = _expr(one)
            return inner if isinstance(inner, Unfit) else Unary(_UNARY[fn], inner)
        case Apply(fn, (one, other)) if fn in _BINARY:
            first, second = _expr(one), _expr(other)
            if isinstance(first, Unfit) or isinstance(second, Unfit):
                return first if isinstance(first, Unfit) else second
            return Binary(_BINARY[fn], first, second)
        case Apply(fn):
            return Unfit(f"FUs don't have the function {fn}")


def array_operation(
    op: Operation, buffers: Mapping[str, Buffer]
) -> tuple[ArrayOperation, dict[str, Tensor]] | Unfit:
    """The operation with its tensors by name, or the reason why it doesn't fit arrays."""
    body = array_body(op)
    if isinstance(body, Unfit):
        return body
    if op.output.clipped:
        return Unfit("it drops what it writes outside its output")
    tensors: dict[str, Tensor] = {}
    for place in (*op.inputs, op.output.place):
        tensor = _tensor(buffers[place.buffer], op)
        if isinstance(tensor, Unfit):
            return tensor
        tensors[tensor.name] = tensor
    reads = tuple(tensors[place.buffer].format for place in op.inputs)
    if wraps_within(op, reads, tensors[op.output.buffer].format):
        return Unfit("a value within its body can leave its format")
    accesses = [
        Access(place.buffer, place.map, place.loc) for place in (op.output.place, *op.inputs)
    ]
    made = ArrayOperation(
        op.name, op.loops, accesses[0], tuple(accesses[1:]), body, op.output.reduction, op.domain, op.loc
    )  # fmt: skip
    return made, tensors


def wraps_within(op: Operation, reads: tuple[Integer, ...], stored: Integer) -> bool:
    """Whether the body wraps or rounds on the way so that what is stored shows it, for inputs of these
    formats and an output of this one."""
    output = op.output
    return _Wraps(reads, stored).shown(output.body, modular=output.reduction in _MODULAR)


_MODULAR = (Reduction.ADD, Reduction.ASSIGN)


def _tensor(buffer: Buffer, op: Operation) -> Tensor | Unfit:
    if not isinstance(buffer.format, Integer) or buffer.format.bits > WIDEST:
        return Unfit(
            f"{buffer.name} is of {buffer.format}: arrays have integers of up to {WIDEST} bits"
        )
    if not buffer.shape:
        return Unfit(f"{buffer.name} has no dimension")
    pads = {place.pad.value for place in _reads(op, buffer.name) if place.pad is not None}
    if len(pads) > 1:
        return Unfit(f"{buffer.name} is read with several pad values")
    pad = next(iter(pads), None)
    if pad is not None and not isinstance(pad, int):
        return Unfit(f"the pad value of {buffer.name} is no integer")
    return Tensor(buffer.name, buffer.shape, buffer.format, pad)


def _reads(op: Operation, buffer: str) -> list[Place]:
    return [place for place in op.inputs if place.buffer == buffer]


@dataclass(frozen=True, slots=True)
class _Wraps:
    """Whether a body wraps on the way so that what is stored shows it.

    Attributes
    ----------
    reads : formats of what the inputs read.
    stored : the output's format.
    """

    reads: tuple[Integer, ...]
    stored: Integer

    def shown(self, body: Body, *, modular: bool) -> bool:
        """Of a node; `modular` where only low bits of it count, which wrapping to no fewer than are
        stored leaves."""
        if isinstance(body, Apply):
            below = modular and body.fn in _RING
            if any(self.shown(arg, modular=below) for arg in body.args):
                return True
        if not isinstance(body.format, Integer):
            return body.format != EXACT  # floating point rounds, and truth values are 0 or 1
        span = self.span(body)
        fits = span is not None and body.format.low <= span[0] and span[1] <= body.format.high
        return not fits and not (modular and body.format.bits >= self.stored.bits)

    def span(self, body: Body) -> Interval | None:
        """Values of a node in integers without bound; None if they aren't known."""
        match body:
            case Value(index):
                return self.reads[index].low, self.reads[index].high
            case Constant(int(value)):
                return value, value
            case Apply(fn, args) if fn in SPANS:
                spans = [self.span(arg) for arg in args]
                known = [span for span in spans if span is not None]
                return SPANS[fn](*known) if len(known) == len(spans) else None
        return None


SPANS: dict[Fn, Callable[..., Interval]] = {
    Fn.ADD: intervals.added,
    Fn.SUB: intervals.subtracted,
    Fn.MUL: intervals.multiplied,
    Fn.MAX: intervals.larger,
    Fn.MIN: intervals.smaller,
    Fn.NEG: intervals.negated,
    Fn.ABS: intervals.absolute,
    Fn.SHL: lambda x, by: intervals.raised(x, by[0]),
    Fn.SHIFT: lambda x, by: intervals.reduced(x, by[0]),
}
"""Values of functions for arguments in intervals."""


def _same(who: str, tensor: Tensor, before: Tensor) -> Tensor:
    """A tensor as all operations use it. Raises E405 where they read different values outside it."""
    if None not in (tensor.pad, before.pad) and tensor.pad != before.pad:
        message = (
            f"{who} reads {tensor.pad} outside {tensor.name}, an operation before {before.pad}"
        )
        raise LegoError("E405", message, hint="arrays have one pad value per tensor")
    return before if tensor.pad is None else tensor


def narrowed(workload: Workload) -> tuple[tuple[Tensor, ...], tuple[ArrayOperation, ...]]:
    """The tensors and the operations of a workload, in their order. Raises E405 for what doesn't fit
    arrays."""
    buffers = {buffer.name: buffer for buffer in workload.network.buffers}
    found: dict[str, Tensor] = {}
    operations = []
    for step in workload.network.steps:
        made = Unfit(step.reason) if isinstance(step, HostCall) else array_operation(step, buffers)
        if isinstance(made, Unfit):
            loc = None if isinstance(step, HostCall) else step.loc
            message = f"{step.name} doesn't fit an array: {made.reason}"
            raise LegoError("E405", message, loc=loc, hint="lego trace --ops lists what does")
        operations.append(made[0])
        for name, tensor in made[1].items():
            found[name] = _same(step.name, tensor, found.get(name, tensor))
    return tuple(found[b.name] for b in workload.network.buffers if b.name in found), tuple(
        operations
    )
