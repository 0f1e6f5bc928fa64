"""The functional unit: operand selection, the body, masking, and accumulation.

One module per kind of FU; the kind is what its place in the array asks for: the sources of its
operands, whether it passes them on, and its part in the reduction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lego.back.builder import Builder
from lego.ir.adg import Adg
from lego.ir.dag import Node, Op
from lego.ir.expr import Binary, BinaryOp, Expr, Literal, Operand, Unary, UnaryOp
from lego.ir.workload import Reduction

__all__ = ["FuKind", "Pick", "accumulate", "build_fu", "combine", "masking_loops", "sum_range"]

Range = tuple[int, int]

_BINARY = {
    BinaryOp.ADD: Op.ADD,
    BinaryOp.SUB: Op.SUB,
    BinaryOp.MUL: Op.MUL,
    BinaryOp.MAX: Op.MAX,
    BinaryOp.MIN: Op.MIN,
}


class Pick(StrEnum):
    """Source of one operand in one FU."""

    LINK = "l"  # another FU, always
    NODE = "n"  # the data node, at every timestamp
    HOLD = "h"  # the data node, once per trip of the held counters
    EITHER = "e"  # another FU where delay reuse is valid, else the data node


@dataclass(frozen=True, slots=True)
class FuKind:
    """What one FU consists of.

    Attributes
    ----------
    picks : source per input operand.
    passes : input operands that another FU takes from this one.
    takes_sum, gives_sum : part in a reduction chain.
    chained : sums have a register, so that they can travel; alike in all FUs of a design.
    sums : partial results that meet in this FU's sum (1: its own contribution only).
    bare : only the contribution leaves; a tree outside reduces it.
    root : the result leaves for the data node.
    masks : loops beyond whose bound this FU may stand, so that its contribution must not count.
    """

    picks: tuple[Pick, ...]
    passes: tuple[bool, ...]
    takes_sum: bool
    gives_sum: bool
    chained: bool
    sums: int
    bare: bool
    root: bool
    masks: tuple[str, ...]


def masking_loops(adg: Adg, fu: tuple[int, ...]) -> tuple[str, ...]:
    """Loops whose bound masks the contribution of an FU.

    The first FU along an axis is within the bound in every trip. Where the output tells the loop's
    value, an FU beyond the bound adds to an element of its own, which isn't committed.
    """
    if adg.reduction is Reduction.ASSIGN:
        return ()
    told = {
        loop
        for loop in adg.dataflow.spatial_loops
        if adg.output.injective and any(row[loop] for row in adg.op.output.map.rows)
    }
    return tuple(
        adg.op.loops[loop].name
        for loop, at in zip(adg.dataflow.spatial_loops, fu, strict=True)
        if at > 0 and loop not in told
    )


def build_fu(adg: Adg, name: str, kind: FuKind) -> Builder:
    """The FU before delay matching; ports are named after operands and loops."""
    b = Builder(name, "fu")
    operands = []
    for plan, pick, passes in zip(adg.inputs, kind.picks, kind.passes, strict=True):
        value = _pick(b, plan.name, pick, (plan.tensor.format.low, plan.tensor.format.high))
        operands.append(value)
        if passes:
            b.output(f"{plan.name}_pass", value)
    contribution = _body(b, adg.op.body, operands)
    if kind.masks:
        valid = b.all([b.input(f"valid_{loop}") for loop in kind.masks])
        contribution = b.mux(valid, contribution, b.const(identity(adg)), name="contribution")
    if kind.bare:
        b.output("contribution", contribution)
        return b
    total = contribution
    if kind.takes_sum:
        span = sum_range(adg, kind.sums - 1)
        total = combine(b, adg, total, b.input("sum_in", span), sum_range(adg, kind.sums))
    if kind.chained:
        total = b.add_node(Node(Op.SHL, (total,), name="sum", latency=1))
    if kind.gives_sum:
        b.output("sum_out", total)
    if kind.root:
        accumulate(b, adg, total, kind.sums)
    return b


def _pick(b: Builder, name: str, pick: Pick, span: Range) -> int:
    if pick is Pick.LINK:
        return b.input(f"{name}_link", span)
    node = b.input(f"{name}_node", span)
    if pick is Pick.NODE:
        return node
    if pick is Pick.EITHER:
        return b.mux(b.input(f"{name}_reuse"), b.input(f"{name}_link", span), node, name=name)
    held = b.reg(span, name=f"{name}_held", resets=False)
    value = b.mux(b.input(f"{name}_load"), node, held, name=name)
    b.drive(held, value)
    return value


def _body(b: Builder, expr: Expr, operands: list[int]) -> int:
    match expr:
        case Operand(index):
            return operands[index]
        case Literal(value):
            return b.const(value)
        case Unary(op, arg):
            inner = _body(b, arg, operands)
            return b.op(Op.NEG if op is UnaryOp.NEG else Op.ABS, inner, latency=1)
        case Binary(BinaryOp.SHL, left, Literal(value)):
            return b.shl(_body(b, left, operands), value)
        case Binary(op, left, right):
            a, c = _body(b, left, operands), _body(b, right, operands)
            return b.op(_BINARY[op], a, c, latency=1)


def identity(adg: Adg) -> int:
    """Identity of the reduction in the output's format."""
    if adg.reduction is Reduction.MAX:
        return adg.output_format.low
    if adg.reduction is Reduction.MIN:
        return adg.output_format.high
    return 0


def contribution_range(adg: Adg) -> Range:
    """Interval of one masked contribution."""
    from lego.back.passes.widths import infer_widths

    b = Builder("range", "fu")
    spans = [(p.tensor.format.low, p.tensor.format.high) for p in adg.inputs]
    b.output("y", _body(b, adg.op.body, [b.input(f"x{i}", s) for i, s in enumerate(spans)]))
    module = infer_widths(b.build())
    low, high = module.nodes[dict(module.outputs)["y"]].range
    if adg.reduction is Reduction.ASSIGN:
        return low, high
    return min(low, identity(adg)), max(high, identity(adg))


def sum_range(adg: Adg, terms: int) -> Range:
    """Interval of the reduction of `terms` contributions, wrapped to the output if wider."""
    low, high = contribution_range(adg)
    if adg.reduction is not Reduction.ADD:
        return low, high
    low, high = min(low * terms, low), max(high * terms, high)
    fmt = adg.output_format
    return (low, high) if fmt.low <= low and high <= fmt.high else (fmt.low, fmt.high)


def combine(b: Builder, adg: Adg, left: int, right: int, span: Range) -> int:
    """The reduction of two values, in the interval `span`."""
    match adg.reduction:
        case Reduction.MAX:
            return b.op(Op.MAX, left, right)
        case Reduction.MIN:
            return b.op(Op.MIN, left, right)
        case _:
            return b.wrap(b.add(left, right), span)


def accumulate(b: Builder, adg: Adg, total: int, terms: int) -> None:
    """The root: accumulate over the held counters, if any, and give the result out."""
    trips = adg.dataflow.trips(adg.op)
    hold = adg.output.hold
    fmt = adg.output_format
    raw = (0, (1 << fmt.bits) - 1)
    if hold and adg.reduction is not Reduction.ASSIGN:
        for trip in trips[len(trips) - hold :]:
            terms *= trip
        span = sum_range(adg, terms)
        acc = b.reg(span, name="acc", resets=False)
        summed = combine(b, adg, acc, total, span)
        b.drive(acc, b.wrap(b.mux(b.input("first"), total, summed), span))
        total = acc
    b.output("result", b.wrap(total, raw))
