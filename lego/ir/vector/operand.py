"""Operands of steps: what of a body doesn't depend on the value that goes through the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lego.ir import intervals
from lego.ir.constants import Constant
from lego.ir.formats import Bool, Exact, Format, Integer
from lego.ir.intervals import Interval
from lego.ir.operation import Apply, Body, Fn, Operation, Place, Value
from lego.ir.vector.chain import BYTE, NotAChain, Operand, Source, is_inside

__all__ = ["Reads", "fitting", "negated", "span_of"]


def span_of(fmt: Format) -> Interval:
    """The interval of a format. Raises NotAChain if it isn't of integers."""
    match fmt:
        case Integer():
            return fmt.low, fmt.high
        case Bool():
            return 0, 1
    raise NotAChain(f"{fmt} isn't a format of integers")


def fitting(span: Interval, fmt: Format) -> Interval:
    """The interval of values in a format that holds all of them. Raises NotAChain for others."""
    if not isinstance(fmt, Exact) and not is_inside(span, span_of(fmt)):
        raise NotAChain(f"values from {span[0]} to {span[1]} don't fit {fmt}")
    return span


@dataclass(frozen=True, slots=True)
class Reads:
    """What an operation reads, by the loop that runs along the lanes.

    Attributes
    ----------
    lane : number of that loop.
    formats : of buffers, by name.
    constants : intervals of what constants hold; all others are streams.
    known : intervals of what streams hold, where they are narrower than their format.
    """

    op: Operation
    lane: int
    formats: Mapping[str, Format]
    constants: Mapping[str, Interval]
    known: Mapping[str, Interval]

    def source(self, index: int) -> Source:
        """What input number `index` is: of constants, one or one per lane; or a stream."""
        moves = {k for row in self.op.inputs[index].map.rows for k, c in enumerate(row) if c}
        if self.place(index).buffer not in self.constants or not moves <= {self.lane}:
            return Source.STREAM
        return Source.HELD if moves else Source.IMMEDIATE

    def check_stream(self, index: int) -> None:
        """Raise NotAChain unless a stream has an element of its own for every lane."""
        place, loop = self.place(index), self.op.loops[self.lane]
        if loop.extent > 1 and not any(row[self.lane] for row in place.map.rows):
            raise NotAChain(
                f"{place.buffer} is the same along {loop.name}, which runs over the lanes"
            )

    def place(self, index: int) -> Place:
        """Where input number `index` lies."""
        return self.op.inputs[index]

    def span(self, index: int) -> Interval:
        """The interval of what input number `index` reads, its pad too."""
        place = self.place(index)
        span = self.constants.get(place.buffer) or self.known.get(place.buffer)
        span = span or span_of(self.formats[place.buffer])
        if place.pad is None:
            return span
        return intervals.hull(span, (_number(place.pad),) * 2)

    def operand(self, body: Body) -> Operand:
        """The operand that a part of the body is. Raises NotAChain if it is none."""
        match body:
            case Constant():
                number = _number(body)
                return Operand(Source.IMMEDIATE, (number, number), value=number)
            case Value(index, fmt):
                return self._read(index, fmt)
            case Apply(Fn.CAST, (arg,), fmt):
                found = self.operand(arg)
                fitting(found.span, fmt)
                return found
            case Apply(Fn.NEG, (arg,), fmt):
                found = negated(self.operand(arg))
                fitting(found.span, fmt)
                return found
            case Apply(Fn.MUL, (one, other), fmt):
                found = _scaled(self.operand(one), self.operand(other))
                fitting(found.span, fmt)
                return found
        raise NotAChain("an operand is computed of others")

    def _read(self, index: int, fmt: Format) -> Operand:
        place, source = self.place(index), self.source(index)
        if place.indirect:
            raise NotAChain(f"{place.buffer} is looked up for an operand")
        span = fitting(self.span(index), fmt)
        if source is Source.STREAM:
            self.check_stream(index)
        if source is Source.STREAM and not is_inside(span, BYTE):
            raise NotAChain(f"{place.buffer} has elements of more than a byte, as a second stream")
        return Operand(source, span, buffer=place.buffer)


def _number(given: Constant) -> int:
    if not isinstance(given.value, int):
        raise NotAChain("a constant isn't an integer")
    return given.value


def negated(operand: Operand) -> Operand:
    """The operand with its sign changed; a stream is multiplied by its scale's."""
    span = intervals.negated(operand.span)
    if operand.source is Source.STREAM:
        scale = operand.scale or Operand(Source.IMMEDIATE, (1, 1), value=1)
        return replace(operand, span=span, scale=negated(scale))
    if operand.buffer:
        return replace(operand, span=span, negated=not operand.negated)
    return replace(operand, span=span, value=-operand.value)


def _scaled(one: Operand, other: Operand) -> Operand:
    """A stream times what is none."""
    if other.source is Source.STREAM:
        one, other = other, one
    if one.source is not Source.STREAM or one.scale or other.source is Source.STREAM:
        raise NotAChain("an operand is a product of others")
    return replace(one, span=intervals.multiplied(one.span, other.span), scale=other)
