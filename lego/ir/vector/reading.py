"""Operations to chains: the body becomes steps, each proven exact by intervals, or is refused.

Subtraction and negation are a multiplication by -1 or an operand with its sign changed, a shift left is a
multiplication. What is no step, but a function of one byte, becomes a table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lego.ir import intervals
from lego.ir.formats import INT8, UINT8, Format
from lego.ir.intervals import Interval
from lego.ir.operation import (
    Apply,
    Body,
    Fn,
    Operation,
    Position,
    Reduction,
    Value,
    operands,
)
from lego.ir.vector.bounds import result_span, tidied
from lego.ir.vector.chain import BYTE, Chain, NotAChain, Operand, SlotFn, Source, Step, is_inside
from lego.ir.vector.operand import Reads, fitting, negated, span_of
from lego.ir.vector.tabulate import tabulated

__all__ = ["chain_of"]

MOST_BITS = 62
"""Of a value within a chain, so that 64 bits hold whatever becomes of it in a step."""

_COMMUTATIVE = {Fn.ADD: SlotFn.ADD, Fn.MUL: SlotFn.MUL, Fn.MAX: SlotFn.MAX, Fn.MIN: SlotFn.MIN}


def chain_of(
    ops: Sequence[Operation],
    formats: Mapping[str, Format],
    lanes: Sequence[int],
    constants: Mapping[str, Interval],
    known: Mapping[str, Interval] | None = None,
) -> Chain:
    """The chain of an operation, or of several, each of which reads what the one before it wrote.

    Parameters
    ----------
    formats : of buffers.
    lanes : the loop of each operation that runs along the lanes.
    constants : intervals of what constants and parameters hold; all other buffers are streams.
    known : intervals of what streams hold where that is less than their format.

    Whoever makes the nests sees to it that the operations' elements correspond. Raises NotAChain.
    """
    first, *others = [
        Reads(op, lane, formats, constants, known or {})
        for op, lane in zip(ops, lanes, strict=True)
    ]
    a = _first_stream(first)
    span, reduced = _reduction(first, a)
    flow = _Flow((), reduced)
    if first.op.output.reduction is Reduction.ASSIGN:
        flow = _Reader(first, a, flow).flow(first.op.output.body)
    for before, reads in zip((first, *others), others, strict=False):
        fitting(flow.span, formats[before.op.output.buffer])
        flow = _after(reads, before.op.output.buffer, flow)
    last = ops[-1].output.buffer
    fitting(flow.span, formats[last])
    if not is_inside(flow.span, BYTE) and not is_inside(flow.span, span_of(UINT8)):
        raise NotAChain(f"{last} has elements of more than a byte")
    steps = tidied(reduced, flow.steps)
    chain = Chain(
        ops[-1].name, first.place(a).buffer, span, first.op.output.reduction, reduced, steps
    )
    _check_streams(chain)
    return chain


@dataclass(frozen=True, slots=True)
class _Flow:
    """The steps up to a part of the body, and the interval of its value."""

    steps: tuple[Step, ...]
    span: Interval

    def then(self, step: Step) -> _Flow:
        """With one step more. Raises NotAChain if its result is too wide."""
        if max(-step.span[0], step.span[1]) >> MOST_BITS:
            raise NotAChain(f"values need more than {MOST_BITS} bits")
        return _Flow((*self.steps, step), step.span)


class _Reader:
    """Reads the body of one operation, in which input number `a` is what the chain has made so far."""

    def __init__(self, reads: Reads, a: int, base: _Flow) -> None:
        self.reads, self.a, self.base = reads, a, base

    def flow(self, body: Body) -> _Flow:
        """The steps to a part that depends on the stream; a table where there are none."""
        try:
            return self._steps(body)
        except NotAChain:
            table = self._table(body)
            if table is None:
                raise
            return table

    def depends(self, body: Body) -> bool:
        """Whether a part of the body depends on the stream."""
        return any(self.a in (index, self._looked_up(index)) for index in operands(body))

    def _looked_up(self, index: int) -> int | None:
        """The input that says where input `index` is looked up."""
        indirect = self.reads.place(index).indirect
        return indirect[0][1] if indirect else None

    def _steps(self, body: Body) -> _Flow:
        match body:
            case Value(index, fmt):
                flow = self.base if index == self.a else self._look_up(index)
                fitting(flow.span, fmt)
                return flow
            case Apply(Fn.CAST, (arg,), fmt):
                flow = self.flow(arg)
                fitting(flow.span, fmt)
                return flow
            case Apply(fn, args, fmt):
                flow = self._applied(fn, args)
                fitting(flow.span, fmt)
                return flow
            case Position():
                raise NotAChain("the body reads a loop's index")
        raise NotAChain("the body doesn't depend on a stream")

    def _applied(self, fn: Fn, args: Sequence[Body]) -> _Flow:
        """The steps of a function, one of whose arguments depends on the stream."""
        which = [k for k, arg in enumerate(args) if self.depends(arg)]
        if len(which) != 1:
            raise NotAChain(f"{fn} has {len(which)} arguments that depend on the first stream")
        (k,) = which
        flow = self.flow(args[k])
        if fn is Fn.NEG:
            return _stepped(flow, SlotFn.MUL, _constant(-1))
        if len(args) != 2:
            raise NotAChain(f"no slot computes {fn}")
        other = self.reads.operand(args[1 - k])
        if fn in _COMMUTATIVE:
            return _stepped(flow, _COMMUTATIVE[fn], other)
        if fn is Fn.SUB and k == 0:
            return _stepped(flow, SlotFn.ADD, negated(other))
        if fn is Fn.SUB:
            return _stepped(_stepped(flow, SlotFn.MUL, _constant(-1)), SlotFn.ADD, other)
        if fn is Fn.SHIFT and k == 0:
            return _stepped(flow, SlotFn.SHIFT, other)
        if fn is Fn.SHL and k == 0 and other.source is Source.IMMEDIATE and not other.buffer:
            return _stepped(flow, SlotFn.MUL, _constant(1 << _positive(other.value)))
        raise NotAChain(f"no slot computes {fn}")

    def _look_up(self, index: int) -> _Flow:
        """A table look-up with what the stream gives."""
        place = self.reads.place(index)
        if self._looked_up(index) != self.a or len(place.map.rows) != 1 or any(place.map.rows[0]):
            raise NotAChain(f"{place.buffer} isn't read at one element of the first stream")
        if not (is_inside(self.base.span, BYTE) or is_inside(self.base.span, span_of(UINT8))):
            raise NotAChain(f"{place.buffer} is looked up by more than a byte")
        span = self.reads.span(index)
        if place.pad is not None or not is_inside(span, BYTE):
            raise NotAChain(f"{place.buffer} has a pad, or elements that {INT8} doesn't hold")
        table = Step(
            SlotFn.TABLE, None, span, buffer=place.buffer, base=place.map.offset[0]
        )  # fmt: skip
        return self.base.then(table)

    def _table(self, body: Body) -> _Flow | None:
        """The table of a part that is a function of one byte, or None."""
        for inner in _parts(body):
            if not self.depends(inner):
                continue
            try:
                flow = self._steps(inner)
            except NotAChain:
                continue
            found = tabulated(body, inner, flow.span)
            if found is not None:
                table = Step(SlotFn.TABLE, None, found.span, table=found.entries)
                return flow.then(table)
        return None


def _parts(body: Body) -> list[Body]:
    """Everything within a body, larger parts first."""
    found: list[Body] = []
    level = [body]
    while level:
        level = [arg for part in level if isinstance(part, Apply) for arg in part.args]
        found += level
    return found


def _constant(value: int) -> Operand:
    return Operand(Source.IMMEDIATE, (value, value), value=value)


def _positive(value: int) -> int:
    if not 0 <= value <= MOST_BITS:
        raise NotAChain(f"a shift by {value}")
    return value


def _stepped(flow: _Flow, fn: SlotFn, operand: Operand) -> _Flow:
    """With a step that computes `fn`."""
    return flow.then(Step(fn, operand, result_span(fn, flow.span, operand)))


def _first_stream(reads: Reads) -> int:
    """Which input is stream A: the one of more than a byte, else the first in the body."""
    body = reads.op.output.body
    used = list(dict.fromkeys(operands(body)))
    indices = {reads.place(k).indirect[0][1] for k in used if reads.place(k).indirect}
    used = [k for k in (*used, *sorted(indices)) if not reads.place(k).indirect]
    streams = [k for k in used if reads.source(k) is Source.STREAM]
    if not streams:
        raise NotAChain(f"{reads.op.name} reads no stream")
    found = next((k for k in streams if not is_inside(reads.span(k), BYTE)), streams[0])
    reads.check_stream(found)
    return found


def _reduction(reads: Reads, a: int) -> tuple[Interval, Interval]:
    """Intervals of stream A's elements, and of what the reduction makes of them."""
    op, span = reads.op, reads.span(a)
    if len(op.outputs) != 1:
        raise NotAChain(f"{op.name} has several results")
    output, loop = op.output, op.loops[reads.lane]
    if loop.extent > 1 and not any(row[reads.lane] for row in output.map.rows):
        raise NotAChain(f"{op.name} reduces over {loop.name}, which runs over the lanes")
    if output.reduction is Reduction.ASSIGN:
        return span, span
    if not isinstance(output.body, Value):
        raise NotAChain(f"{op.name} computes before it reduces")
    fitting(span, output.body.format)
    if output.reduction is not Reduction.ADD:
        return span, span
    inner = [k for k in range(len(op.loops)) if not any(row[k] for row in output.map.rows)]
    count = math.prod(op.loops[k].extent for k in inner)
    reduced = intervals.hull(span, (span[0] * count, span[1] * count))
    return span, fitting(reduced, reads.formats[output.buffer])


def _after(reads: Reads, buffer: str, flow: _Flow) -> _Flow:
    """The steps of an operation that reads what one before it wrote."""
    op = reads.op
    if len(op.outputs) != 1 or op.output.reduction is not Reduction.ASSIGN:
        raise NotAChain(f"{op.name} reduces what a chain has made")
    which = [k for k, place in enumerate(op.inputs) if place.buffer == buffer]
    if len(which) != 1 or reads.place(which[0]).pad is not None:
        raise NotAChain(f"{op.name} doesn't read {buffer} once, without a pad")
    return _Reader(reads, which[0], flow).flow(op.output.body)


def _check_streams(chain: Chain) -> None:
    """There is one second stream at most."""
    found = {
        step.operand.buffer
        for step in chain.steps
        if step.operand is not None and step.operand.source is Source.STREAM
    }
    uses = sum(
        step.operand is not None and step.operand.source is Source.STREAM for step in chain.steps
    )
    if uses > 1:
        raise NotAChain(
            f"{chain.name} reads {', '.join(sorted(found))} {uses} times beside the first stream"
        )
