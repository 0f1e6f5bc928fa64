"""Whether a dataflow computes what an operation says: body, reduction, number formats, sums."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from lego.bind.site import Site
from lego.ir import intervals
from lego.ir.array import ArrayOperation, Tensor
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.formats import Integer
from lego.ir.intervals import Interval
from lego.ir.operation import Reduction

__all__ = ["orders_of", "too_long", "unlike"]

Order = tuple[int, ...]
"""By input of the chip, the operation's input that takes its place."""

_FREE = {BinaryOp.ADD, BinaryOp.MUL, BinaryOp.MAX, BinaryOp.MIN}
"""Operators whose arguments may be in any order, and grouped in any way: values are exact."""


def orders_of(site: Site, op: ArrayOperation) -> list[Order]:
    """The orders of the operation's inputs under which the bodies are one function."""
    chip = site.adg.op
    if len(op.inputs) != len(chip.inputs):
        return []
    wanted = _canonical(chip.body, range(len(chip.inputs)))
    found = []
    for order in itertools.permutations(range(len(op.inputs))):
        places = [order.index(k) for k in range(len(order))]
        if _canonical(op.body, places) == wanted:
            found.append(order)
    return found


def _canonical(expr: Expr, places: Sequence[int]) -> str:
    """Text that is the same for bodies that differ in the order of arguments only."""
    match expr:
        case Operand(index):
            return f"x{places[index]}"
        case Literal(value):
            return str(value)
        case Unary(op, arg):
            return f"{op}({_canonical(arg, places)})"
        case Binary(op, left, right):
            if op in _FREE:
                parts = sorted(_canonical(part, places) for part in _parts(expr, op))
            else:
                parts = [_canonical(left, places), _canonical(right, places)]
            return f"{op}({', '.join(parts)})"


def _parts(expr: Expr, op: BinaryOp) -> Iterator[Expr]:
    """What a chain of one operator joins."""
    if isinstance(expr, Binary) and expr.op is op:
        yield from _parts(expr.left, op)
        yield from _parts(expr.right, op)
    else:
        yield expr


def unlike(
    site: Site, op: ArrayOperation, tensors: Mapping[str, Tensor], order: Order
) -> str | None:
    """Why the chip's FUs don't compute the operation, if they don't."""
    reads = [tensors[op.inputs[k].tensor].format for k in order]
    for port, fmt in zip(site.inputs, reads, strict=True):
        own = port.plan.tensor.format
        if not _within((fmt.low, fmt.high), own):
            return f"{port.name} has words of {own}, the operation reads {fmt}"
    if (reason := _other_reduction(site, op)) is not None:
        return reason
    return _too_wide(site, op, [tensors[a.tensor].format for a in op.inputs], tensors)


def _other_reduction(site: Site, op: ArrayOperation) -> str | None:
    chip = site.adg.reduction
    if op.reduction in (chip, Reduction.ASSIGN) or (chip is Reduction.ASSIGN and op.terms == 1):
        return None
    return f"the FUs combine results by {chip}, the operation by {op.reduction}"


def _too_wide(
    site: Site, op: ArrayOperation, reads: Sequence[Integer], tensors: Mapping[str, Tensor]
) -> str | None:
    """Whether a result may leave what memory holds; where that has all bits of the chip's results, sums wrap
    there as they do in a result of as many bits or fewer."""
    wanted, own = tensors[op.output.tensor].format, site.adg.output_format
    low, high = span_of(op.body, [(fmt.low, fmt.high) for fmt in reads])
    adds = site.adg.reduction is Reduction.ADD
    if adds and op.reduction is Reduction.ADD:
        low, high = min(0, low * op.terms), max(0, high * op.terms)
    modular = adds or op.reduction is Reduction.ASSIGN
    if modular and wanted.bits <= own.bits and (not adds or _whole(site.stored_sum, own)):
        return None
    kept = site.stored_sum if adds else (own.low, own.high)
    if kept[0] <= low and high <= kept[1] and _within((low, high), own):
        return None
    return f"results reach {low}..{high}, memory holds {kept[0]}..{kept[1]}"


def too_long(
    site: Site, op: ArrayOperation, tensors: Mapping[str, Tensor], terms: int
) -> str | None:
    """Why an accumulator doesn't hold sums of so many terms, if it doesn't."""
    if site.adg.reduction is not Reduction.ADD or _whole(site.held_sum, site.adg.output_format):
        return None
    formats = [tensors[access.tensor].format for access in op.inputs]
    low, high = span_of(op.body, [(fmt.low, fmt.high) for fmt in formats])
    low, high = min(0, low * terms), max(0, high * terms)
    if site.held_sum[0] <= low and high <= site.held_sum[1]:
        return None
    return f"sums reach {low}..{high}, accumulators hold {site.held_sum[0]}..{site.held_sum[1]}"


def _whole(span: Interval, fmt: Integer) -> bool:
    return span[0] <= fmt.low and fmt.high <= span[1]


def _within(span: Interval, fmt: Integer) -> bool:
    return fmt.low <= span[0] and span[1] <= fmt.high


def span_of(expr: Expr, operands: Sequence[Interval]) -> Interval:
    """Least and largest value of a body."""
    match expr:
        case Operand(index):
            return operands[index]
        case Literal(value):
            return value, value
        case Unary(op, arg):
            inner = span_of(arg, operands)
            return intervals.negated(inner) if op is UnaryOp.NEG else intervals.absolute(inner)
        case Binary(op, left, right):
            x, y = span_of(left, operands), span_of(right, operands)
            match op:
                case BinaryOp.SHL:
                    return intervals.raised(x, y[0])
                case BinaryOp.SHR:
                    return intervals.reduced(x, y[0])
                case _:
                    return _SPANS[op](x, y)


_SPANS: dict[BinaryOp, Callable[[Interval, Interval], Interval]] = {
    BinaryOp.ADD: intervals.added,
    BinaryOp.SUB: intervals.subtracted,
    BinaryOp.MUL: intervals.multiplied,
    BinaryOp.MAX: intervals.larger,
    BinaryOp.MIN: intervals.smaller,
}
