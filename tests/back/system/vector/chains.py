"""Operations that engines of the tests are made of."""

from __future__ import annotations

from lego.ir.affine import AffineMap
from lego.ir.constants import constant
from lego.ir.formats import INT8, INT16, INT32, INT64, Format
from lego.ir.intervals import Interval
from lego.ir.operation import Apply, Body, Fn, Loop, Operation, Output, Place, Reduction, Value
from lego.ir.promotion import applied
from lego.ir.vector.chain import Chain
from lego.ir.vector.reading import chain_of

PIXELS, CHANNELS = 5, 4
FORMATS: dict[str, Format] = {
    "sums": INT32,
    "bytes": INT8,
    "other": INT8,
    "bias": INT32,
    "m": INT16,
    "mb": INT16,
    "half": INT32,
    "n": INT8,
    "lookup": INT8,
    "pooled": INT32,
    "y": INT8,
}
CONSTANTS: dict[str, Interval] = {
    "m": (0, 32767),
    "mb": (-2000, 32767),
    "half": (0, 1 << 30),
    "bias": (-(1 << 30), 1 << 30),
    "n": (0, 31),
    "lookup": (-128, 127),
}

EACH = AffineMap(((1, 0), (0, 1)), (0, 0))
PER_LANE = AffineMap(((0, 1),), (0,))
ONE = AffineMap((), ())
LOOPS = (Loop("p", PIXELS), Loop("c", CHANNELS))


def operation(name: str, body: Body, *inputs: tuple[str, AffineMap]) -> Operation:
    places = tuple(Place(buffer, access) for buffer, access in inputs)
    return Operation(name, LOOPS, (Output(Place("y", EACH), body),), places)


def wide(index: int, fmt: Format = INT32) -> Body:
    return Apply(Fn.CAST, (Value(index, fmt),), INT64)


def clipped(v: Body, low: int = -127) -> Body:
    v = applied(Fn.MAX, v, constant(low, INT64))
    return Apply(Fn.CAST, (applied(Fn.MIN, v, constant(127, INT64)),), INT8)


def rounded(v: Body, half: int, shift: int, low: int = -127) -> Body:
    """`clip((v + half) >> shift)`."""
    raised = applied(Fn.ADD, v, Value(half, INT64))
    return clipped(applied(Fn.SHIFT, raised, Value(shift, INT64)), low)


def requantise(*, low: int = -127, source: str = "sums") -> Operation:
    v = applied(Fn.MUL, Value(0, FORMATS[source]), Value(1, INT64))
    inputs = ((source, EACH), ("m", PER_LANE), ("half", ONE), ("n", ONE))
    return operation("requantise", rounded(v, 2, 3, low), *inputs)


def biased() -> Operation:
    v = applied(Fn.MUL, applied(Fn.ADD, wide(0), wide(4)), Value(1, INT64))
    inputs = (("sums", EACH), ("m", PER_LANE), ("half", ONE), ("n", ONE), ("bias", PER_LANE))
    return operation("biased", rounded(v, 2, 3, 0), *inputs)


def residual() -> Operation:
    a = applied(Fn.MUL, Value(0, INT32), Value(1, INT64))
    b = applied(Fn.MUL, Value(4, INT8), Value(5, INT64))
    inputs = (
        ("sums", EACH), ("m", PER_LANE), ("half", ONE), ("n", ONE), ("other", EACH), ("mb", ONE)
    )  # fmt: skip
    return operation("residual", rounded(applied(Fn.ADD, a, b), 2, 3), *inputs)


def multiplied() -> Operation:
    """The product of two streams of bytes."""
    v = applied(Fn.MUL, wide(0, INT8), wide(1, INT8))
    inputs = (("bytes", EACH), ("other", EACH), ("half", ONE), ("n", ONE))
    return operation("multiplied", rounded(v, 2, 3), *inputs)


def looked_up() -> Operation:
    place = Place("lookup", AffineMap(((0, 0),), (128,)), indirect=((0, 0),))
    inputs = (Place("bytes", EACH), place)
    return Operation("looked_up", LOOPS, (Output(Place("y", EACH), Value(1, INT8)),), inputs)


def leaky() -> Operation:
    """A function of a byte that no slot computes: negative values are divided by eight."""
    v = Value(0, INT8)
    small = applied(Fn.SHIFT, v, constant(3, INT8))
    body = applied(Fn.WHERE, applied(Fn.LT, v, constant(0, INT8)), small, v)
    return operation("leaky", body, ("bytes", EACH))


def pool(reduction: Reduction, target: str = "y") -> Operation:
    """Over three pixels."""
    loops = (Loop("p", PIXELS), Loop("c", CHANNELS), Loop("k", 3))
    access = AffineMap(((1, 0, 1), (0, 1, 0)), (0, 0))
    place = Place(target, AffineMap(((1, 0, 0), (0, 1, 0)), (0, 0)))
    output = Output(place, Value(0, FORMATS[target]), reduction)
    return Operation("pool", loops, (output,), (Place("bytes", access),))


def average() -> list[Operation]:
    """A sum over three pixels, and its scaling."""
    return [pool(Reduction.ADD, "pooled"), requantise(source="pooled")]


def chain(*ops: Operation) -> Chain:
    return chain_of(ops, FORMATS, [1] * len(ops), CONSTANTS)
