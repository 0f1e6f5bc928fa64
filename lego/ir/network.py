"""Whole networks as affine loop nests: what a traced model becomes.

Every operation is a nest `output reduction= body(inputs)` over a box of loops, whatever it is
called in the model: contractions, normalisations, softmax, layout changes and table look-ups differ
in body, reduction and accesses only. What no nest can say (a sort, a draw of random numbers) is
left to the host, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from lego.ir.affine import AffineMap
from lego.ir.formats import Format
from lego.ir.workload import Loop, Reduction

__all__ = [
    "Apply",
    "At",
    "Body",
    "Buffer",
    "Fn",
    "Kind",
    "Network",
    "Number",
    "Operation",
    "Place",
    "Position",
    "Role",
    "Value",
    "operands",
]


class Role(StrEnum):
    """Where a buffer's contents come from."""

    INPUT = "input"
    PARAMETER = "parameter"
    CONSTANT = "constant"  # depends on nothing that the network is given
    RESULT = "result"


class Kind(StrEnum):
    """Which part of the accelerator does an operation."""

    ARRAY = "array"  # sum of products over an affine domain
    POST = "post"  # elementwise, row reductions, table functions: beside the array
    MOVE = "move"  # layout, gather, concatenation
    HOST = "host"  # none of them, for the reason given


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
    CAST = "cast"  # (a) -> the output buffer's number format
    LT = "lt"  # (a, b)
    LE = "le"  # (a, b)
    EQ = "eq"  # (a, b)
    NOT = "not"  # (a)
    AND = "and"  # (a, b)
    OR = "or"  # (a, b)
    WHERE = "where"  # (condition, a, b)
    SHIFT = "shift"  # (a, b) of integers: a / 2^b, rounded down


@dataclass(frozen=True, slots=True)
class Value:
    """The value of input number `index`."""

    index: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the model."""

    value: float


@dataclass(frozen=True, slots=True)
class Position:
    """The index of loop number `loop`."""

    loop: int


@dataclass(frozen=True, slots=True)
class At:
    """While a nest is made: the index that a label stands for. No finished body has one."""

    label: str


@dataclass(frozen=True, slots=True)
class Apply:
    """`fn(args)`."""

    fn: Fn
    args: tuple[Body, ...]


Body = Value | Number | Position | At | Apply


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
class Buffer:
    """A named array.

    Attributes
    ----------
    shape : elements per dimension.
    format : number format of the elements.
    """

    name: str
    shape: tuple[int, ...]
    format: Format
    role: Role = Role.RESULT

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Place:
    """Element `map(iteration)` of a buffer.

    Attributes
    ----------
    map : from loops, in order, to dimensions.
    pad : value read outside the buffer; None: no access leaves it, and an index looked up that does
        is an error.
    indirect : (dimension, input) pairs: the value of that input is added to the index (a table
        look-up). A negative index is outside like any other: operators that count from the end have
        arithmetic on the index before the look-up.
    """

    buffer: str
    map: AffineMap
    pad: float | None = None
    indirect: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One loop nest, or what the host does.

    Attributes
    ----------
    name : module path in the model, the operator, and a number where that isn't unique.
    source : the operator that it comes from, such as `aten.linear`.
    loops, output, inputs, body, reduction : as in :class:`lego.ir.workload.TensorOp`, but for any
        number format.
    reason : why the host does it; what it reads and writes is whole buffers then, and there are no loops.
    """

    name: str
    source: str
    kind: Kind
    loops: tuple[Loop, ...]
    output: Place
    inputs: tuple[Place, ...]
    body: Body
    reduction: Reduction = Reduction.ASSIGN
    reason: str = ""

    @property
    def iterations(self) -> int:
        """Points of the iteration domain."""
        return math.prod(loop.extent for loop in self.loops)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of an array operation, 0 of others."""
        return self.iterations if self.kind is Kind.ARRAY else 0


@dataclass(frozen=True, slots=True)
class Network:
    """Operations in program order, with the buffers that they share.

    `outputs` are buffers; everything that isn't an input, a parameter or a constant is written
    before it is read.
    """

    name: str
    buffers: tuple[Buffer, ...]
    operations: tuple[Operation, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def buffer(self, name: str) -> Buffer:
        """The buffer of this name; KeyError if there is none."""
        for buffer in self.buffers:
            if buffer.name == name:
                return buffer
        raise KeyError(name)

    @property
    def parameters(self) -> int:
        """Elements of all parameters."""
        return sum(b.elements for b in self.buffers if b.role is Role.PARAMETER)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all array operations."""
        return sum(op.macs for op in self.operations)
