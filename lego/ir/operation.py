"""Operations: what every workload and every network is made of.

An operation is one or several outputs, each `place reduction= body(inputs)`, for every point of a
domain of loops, whatever it is called where it comes from: contractions, normalisations, layout
changes and table look-ups differ in bodies, reductions and places only. Every node of a body has a
number format, so that nobody who computes it has to guess one. What no nest can say (a sort, a draw
of random numbers) is a `HostCall`, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from lego.diag import InternalError, Loc
from lego.ir.affine import AffineMap
from lego.ir.constants import Constant
from lego.ir.domain import Inequality, points
from lego.ir.formats import Format

__all__ = [
    "Apply",
    "Body",
    "Fn",
    "HostCall",
    "Loop",
    "Operation",
    "Output",
    "Place",
    "Position",
    "Reduction",
    "Step",
    "Value",
    "operands",
]


class Reduction(StrEnum):
    """How values that meet in one output element are combined."""

    ADD = "+="
    MAX = "max="
    MIN = "min="
    ASSIGN = "="


class Fn(StrEnum):
    """Functions in bodies; the comment gives the arguments. Comparisons give 0 or 1."""

    ADD = "add"  # (a, b)
    SUB = "sub"  # (a, b)
    MUL = "mul"  # (a, b)
    DIV = "div"  # (a, b)
    MAX = "max"  # (a, b)
    MIN = "min"  # (a, b)
    POW = "pow"  # (a, b)
    MOD = "mod"  # (a, b), the sign of b
    QUOTIENT = "quotient"  # (a, b): a / b rounded down, from the exact quotient
    NEG = "neg"  # (a)
    ABS = "abs"  # (a)
    EXP = "exp"  # (a)
    LOG = "log"  # (a)
    SQRT = "sqrt"  # (a)
    RSQRT = "rsqrt"  # (a)
    TANH = "tanh"  # (a)
    ERF = "erf"  # (a)
    SIGMOID = "sigmoid"  # (a)
    SIN = "sin"  # (a)
    COS = "cos"  # (a)
    FLOOR = "floor"  # (a)
    ROUND = "round"  # (a), halves to even
    CAST = "cast"  # (a) -> the node's number format
    LT = "lt"  # (a, b)
    LE = "le"  # (a, b)
    EQ = "eq"  # (a, b)
    NOT = "not"  # (a)
    AND = "and"  # (a, b)
    OR = "or"  # (a, b)
    WHERE = "where"  # (condition, a, b)
    SHL = "shl"  # (a, b) of integers: a * 2^b
    SHIFT = "shift"  # (a, b) of integers: a / 2^b, rounded down


@dataclass(frozen=True, slots=True)
class Value:
    """What input number `index` reads, in this format: converted where the buffer has another."""

    index: int
    format: Format


@dataclass(frozen=True, slots=True)
class Position:
    """The index of loop number `loop`."""

    loop: int
    format: Format


@dataclass(frozen=True, slots=True)
class Apply:
    """`fn(args)`, rounded or wrapped to the format if it isn't exact."""

    fn: Fn
    args: tuple[Body, ...]
    format: Format


Body = Value | Constant | Position | Apply


def operands(body: Body) -> Iterator[int]:
    """Indices of the inputs that a body reads, as often as it does."""
    match body:
        case Value(index):
            yield index
        case Apply(_, args):
            for arg in args:
                yield from operands(arg)
        case _:
            return


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop `0 <= name < extent`; the extent is the maximum of the run-time bound."""

    name: str
    extent: int


@dataclass(frozen=True, slots=True)
class Place:
    """Element `map(iteration)` of a buffer.

    Attributes
    ----------
    map : from loops, in order, to dimensions.
    pad : what is read outside the buffer; None: no access leaves it, and an index looked up that does
        is an error. Places that are written have none.
    indirect : (dimension, input) pairs: the value of that input is added to the index (a table
        look-up). A negative index is outside like any other: operators that count from the end have
        arithmetic on the index before the look-up.
    """

    buffer: str
    map: AffineMap
    pad: Constant | None = None
    indirect: tuple[tuple[int, int], ...] = ()
    loc: Loc | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Output:
    """`place reduction= body`, converted to the format of the place's buffer where it is stored.

    Attributes
    ----------
    clipped : whether iterations whose element lies outside the buffer are dropped; there are none
        otherwise.
    """

    place: Place
    body: Body
    reduction: Reduction = Reduction.ASSIGN
    clipped: bool = False

    @property
    def buffer(self) -> str:
        """The name of what is written."""
        return self.place.buffer

    @property
    def map(self) -> AffineMap:
        """From loops to the element that is written."""
        return self.place.map


@dataclass(frozen=True, slots=True)
class Operation:
    """One loop nest: all outputs for every point of the domain, which is of the loops' box those
    points that obey the inequalities.

    Bodies refer to `inputs` by position. Elements of an output that only points of the box outside
    the domain reach get the reduction's identity (0 for `+=`, the format's lowest value for `max=`,
    its highest for `min=`); an assignment doesn't write them.

    Attributes
    ----------
    name : of the file, or the module path in the model, the operator, and a number where that isn't
        unique.
    domain : inequalities over the loops, none of which holds in the whole box.
    source : the operator that it comes from, such as `aten.linear`, or nothing.
    """

    name: str
    loops: tuple[Loop, ...]
    outputs: tuple[Output, ...]
    inputs: tuple[Place, ...]
    domain: tuple[Inequality, ...] = ()
    source: str = ""
    loc: Loc | None = field(default=None, compare=False)

    @property
    def output(self) -> Output:
        """The output of an operation that has one. Raises InternalError for others."""
        if len(self.outputs) != 1:
            raise InternalError(f"{self.name} has {len(self.outputs)} outputs")
        return self.outputs[0]

    @property
    def extents(self) -> tuple[int, ...]:
        """The box at the maximum bounds."""
        return tuple(loop.extent for loop in self.loops)

    @property
    def iterations(self) -> int:
        """Number of points of the domain at the maximum bounds."""
        return points(self.extents, self.domain) if self.domain else math.prod(self.extents)


@dataclass(frozen=True, slots=True)
class HostCall:
    """What the host does, on whole buffers.

    Attributes
    ----------
    source : the operator.
    reason : why no nest does it.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str
    reason: str


Step = Operation | HostCall
