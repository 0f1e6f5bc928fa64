"""Width inference: the exact interval of every node from the intervals of its sources.

Constants, ports, registers, wraps and memories declare their interval; everything else follows by
interval arithmetic in unbounded integers, so that no primitive is wider than its values need.
"""

from __future__ import annotations

from dataclasses import replace

from lego.diag import InternalError
from lego.ir import intervals
from lego.ir.dag import Module, Node, Op, bits_for

__all__ = ["infer_widths", "interval"]

Range = tuple[int, int]


def infer_widths(module: Module) -> Module:
    """Return `module` with the interval of every node."""
    ranges: list[Range] = []
    nodes: list[Node] = []
    for node in module.nodes:
        if node.low is None or node.high is None:
            low, high = interval(node, [ranges[s] for s in node.srcs])
            node = node.within(low, high)
        ranges.append(node.range)
        nodes.append(node)
    return replace(module, nodes=tuple(nodes))


def interval(node: Node, srcs: list[Range]) -> Range:
    """The interval of a node from those of its sources; frequent primitives come first."""
    match node.op:
        case Op.MUX:
            return intervals.hull(srcs[1], srcs[2])
        case Op.ONEHOT:
            return intervals.hull((0, 0), *srcs[1::2])
        case Op.AND | Op.OR | Op.NOT | Op.EQ | Op.LT:
            return 0, 1
        case Op.ADD:
            return intervals.added(srcs[0], srcs[1])
        case Op.SUB:
            return intervals.subtracted(srcs[0], srcs[1])
        case Op.MUL:
            return intervals.multiplied(srcs[0], srcs[1])
        case Op.NEG:
            return intervals.negated(srcs[0])
        case Op.ABS:
            return intervals.absolute(srcs[0])
        case Op.MIN:
            return intervals.smaller(*srcs)
        case Op.MAX:
            return intervals.larger(*srcs)
        case Op.SHL:
            return intervals.raised(srcs[0], node.value)
        case Op.SHR:
            return intervals.reduced(srcs[0], node.value)
        case Op.CAT:
            return 0, (1 << sum(bits_for(*s) for s in srcs)) - 1
        case Op.DELAY | Op.STAGE:
            return srcs[0]
    raise InternalError(f"{node.op} {node.name!r} must declare its range")
