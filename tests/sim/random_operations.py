"""Random operations on integers: places that look up, pad and clip, several outputs, domains, and
bodies without bound or in formats."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lego.ir.affine import AffineMap
from lego.ir.constants import Constant
from lego.ir.domain import Inequality
from lego.ir.formats import BOOL, EXACT, INT8, INT32, INT64, UINT8, Format, Integer
from lego.ir.network import Buffer, Role
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    Loop,
    Operation,
    Output,
    Place,
    Position,
    Reduction,
    Value,
)
from lego.ir.promotion import applied

__all__ = ["Drawn", "drawn"]

TYPED = (INT8, UINT8, Integer(True, 16), INT32, INT64)
PLAIN = (Fn.ADD, Fn.SUB, Fn.MUL, Fn.MAX, Fn.MIN)
COMPARED = (Fn.LT, Fn.LE, Fn.EQ)


@dataclass(frozen=True)
class Drawn:
    """An operation with its buffers, and what it reads."""

    op: Operation
    buffers: dict[str, Buffer]
    given: dict[str, np.ndarray]


def drawn(seed: int) -> Drawn:
    """One operation."""
    return _Draw(random.Random(seed)).operation()


def magnitude(body: Body) -> int:
    """What no value of an exact body is above, for inputs of 20 bits."""
    match body:
        case Value():
            return 1 << 20
        case Constant(int(value)):
            return abs(value)
        case Apply(Fn.MUL, (a, b)):
            return magnitude(a) * magnitude(b)
        case Apply(Fn.SHL, (a, Constant(int(by)))):
            return magnitude(a) << by
        case Apply(_, args):
            return sum(map(magnitude, args))
    return 8


class _Draw:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.extents = [rng.randint(1, 5) for _ in range(rng.randint(1, 4))]
        self.buffers: dict[str, Buffer] = {}
        self.given: dict[str, np.ndarray] = {}
        self.exact = rng.random() < 0.5

    def operation(self) -> Drawn:
        """The operation with all that belongs to it."""
        inputs: list[Place] = []
        for k in range(self.rng.randint(1, 3)):
            inputs.append(self.read(k, inputs))
        outputs = tuple(self.output(k, len(inputs)) for k in range(self.rng.choice((1, 1, 2))))
        loops = tuple(Loop(f"i{k}", n) for k, n in enumerate(self.extents))
        op = Operation("op", loops, outputs, tuple(inputs), self.domain())
        return Drawn(op, self.buffers, self.given)

    def domain(self) -> tuple[Inequality, ...]:
        """No inequality, or one or two that leave a point."""
        found: list[Inequality] = []
        for _ in range(self.rng.choice((0, 0, 1, 2)) if len(self.extents) > 1 else 0):
            a, b = self.rng.sample(range(len(self.extents)), 2)
            row = [0] * len(self.extents)
            row[a], row[b] = self.rng.choice(((1, -1), (1, 1), (-1, 2)))
            found.append(Inequality.of(row, self.rng.randint(1, 4)))
        points = itertools.product(*map(range, self.extents))
        kept = any(all(each.holds(point) for each in found) for point in points)
        return tuple(found) if kept else ()

    def map(self, rank: int) -> AffineMap:
        """Any access."""
        rows = [[self.rng.choice((0, 0, 1, 1, 2, -1)) for _ in self.extents] for _ in range(rank)]
        return AffineMap(tuple(map(tuple, rows)), tuple(self.rng.randint(-2, 2) for _ in rows))

    def spans(self, access: AffineMap) -> list[tuple[int, int]]:
        """Least and largest index per dimension."""
        found = []
        for row, start in zip(access.rows, access.offset, strict=True):
            reach = [a * (n - 1) for a, n in zip(row, self.extents, strict=True)]
            low, high = (start + sum(f(r, 0) for r in reach) for f in (min, max))
            found.append((low, high))
        return found

    def format(self) -> Integer:
        """Of a buffer."""
        if not self.exact:
            return self.rng.choice(TYPED)
        signed = self.rng.random() < 0.6
        return Integer(signed, self.rng.randint(1 + signed, 20))

    def read(self, number: int, before: Sequence[Place]) -> Place:
        """An input; perhaps looked up by the values of one before, perhaps padded."""
        access = self.map(self.rng.randint(1, 3))
        fmt, pad, shape, offset = self.format(), None, [], []
        indices = [k for k, place in enumerate(before) if self._is_index(place)]
        indirect = ((0, self.rng.choice(indices)),) if indices and self.rng.random() < 0.5 else ()
        if indirect or self.rng.random() < 0.3:
            pad = Constant(self.rng.randint(fmt.low, fmt.high), fmt)
        for (low, high), start in zip(self.spans(access), access.offset, strict=True):
            offset.append(start if pad else start - low)
            shape.append(self.rng.randint(1, max(1, high)) if pad else high - low + 1)
        name = f"x{number}"
        self.buffers[name] = Buffer(name, tuple(shape), fmt, Role.INPUT)
        low, high = (0, 3) if self.rng.random() < 0.4 and fmt.high > 3 else (fmt.low, fmt.high)
        values = [self.rng.randint(low, high) for _ in range(int(np.prod(shape)))]
        self.given[name] = np.array(values, dtype=np.int64).reshape(shape)
        return Place(name, AffineMap(access.rows, tuple(offset)), pad, indirect)

    def _is_index(self, place: Place) -> bool:
        """Whether what is read is small enough to add to an index."""
        pad = place.pad.value if place.pad is not None else 0
        return abs(int(np.abs(self.given[place.buffer]).max())) < 1000 and abs(pad) < 1000  # type: ignore[arg-type]

    def output(self, number: int, inputs: int) -> Output:
        """A reduction to any place, or an assignment to places that differ."""
        reduction = self.rng.choice(list(Reduction))
        if reduction is Reduction.ASSIGN:
            order = self.rng.sample(range(len(self.extents)), len(self.extents))
            steps = [self.rng.choice((1, 1, 2, -1)) for _ in order]
            rows = [
                [s * (j == k) for j in range(len(order))] for k, s in zip(order, steps, strict=True)
            ]
            access = AffineMap(tuple(map(tuple, rows)), (0,) * len(rows))
        else:
            access = self.map(self.rng.randint(1, 2))
        clipped = self.rng.random() < 0.3
        shape, offset = [], []
        for (low, high), start in zip(self.spans(access), access.offset, strict=True):
            offset.append(start - low - (self.rng.randint(0, 2) if clipped else 0))
            shape.append(
                max(1, high - low + self.rng.randint(-1, 1) if clipped else high - low + 1)
            )
        name, fmt = f"y{number}", self.format()
        self.buffers[name] = Buffer(name, tuple(shape), fmt)
        depth = self.rng.randint(0, 3)
        body = self.body(inputs, depth)
        while self.exact and magnitude(body) >= 1 << 62:
            depth = max(0, depth - 1)
            body = self.body(inputs, depth)
        place = Place(name, AffineMap(access.rows, tuple(offset)))
        return Output(place, body, reduction, clipped)

    def body(self, inputs: int, depth: int) -> Body:
        """Any expression; in formats each node has the one that PyTorch gives it."""
        if not depth or self.rng.random() < 0.2:
            return self.leaf(inputs)
        how = self.rng.random()
        if how < 0.15:
            return self.apply(self.rng.choice((Fn.NEG, Fn.ABS)), self.whole(inputs, depth - 1))
        if how < 0.3:
            by = Constant(self.rng.randint(0, 6), EXACT if self.exact else INT64)
            fn = Fn.SHIFT if self.rng.random() < 0.7 else Fn.SHL
            return self.apply(fn, self.whole(inputs, depth - 1), by)
        if how < 0.4 and not self.exact:
            return Apply(Fn.CAST, (self.body(inputs, depth - 1),), self.rng.choice(TYPED))
        if how < 0.55 and not self.exact:
            test = applied(self.rng.choice(COMPARED), *(self.body(inputs, depth - 1) for _ in "ab"))
            test = applied(Fn.NOT, test) if self.rng.random() < 0.3 else test
            return applied(Fn.WHERE, test, *(self.body(inputs, depth - 1) for _ in "ab"))
        return self.apply(self.rng.choice(PLAIN), *(self.whole(inputs, depth - 1) for _ in "ab"))

    def whole(self, inputs: int, depth: int) -> Body:
        """An expression that isn't a truth value."""
        found = self.body(inputs, depth)
        return Apply(Fn.CAST, (found,), INT32) if found.format == BOOL else found

    def apply(self, fn: Fn, *args: Body) -> Apply:
        """A node in its format."""
        return Apply(fn, args, EXACT) if self.exact else applied(fn, *args)

    def leaf(self, inputs: int) -> Body:
        """An input, a number, or the index of a loop."""
        fmt: Format = EXACT if self.exact else self.rng.choice(TYPED)
        how = self.rng.random()
        if how < 0.75:
            index = self.rng.randrange(inputs)
            kept = self.exact or self.rng.random() < 0.3
            return Value(index, fmt if kept else self.buffers[f"x{index}"].format)
        if how < 0.9:
            return Constant(self.rng.randint(-9, 9), EXACT if self.exact else INT64)
        return Position(self.rng.randrange(len(self.extents)), EXACT if self.exact else INT64)
