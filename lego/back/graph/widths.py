"""Width inference: the exact interval of every node from the intervals of its sources.

Constants, ports, registers, wraps and memories declare their interval; everything else follows by
interval arithmetic in unbounded integers, so that no primitive is wider than its values need.
"""

from __future__ import annotations

from dataclasses import replace

from lego.diag import InternalError
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
            node = replace(node, low=low, high=high)
        ranges.append(node.range)
        nodes.append(node)
    return replace(module, nodes=tuple(nodes))


def interval(node: Node, srcs: list[Range]) -> Range:
    """The interval of a node from those of its sources; frequent primitives come first."""
    match node.op:
        case Op.MUX:
            return min(srcs[1][0], srcs[2][0]), max(srcs[1][1], srcs[2][1])
        case Op.ONEHOT:
            words = srcs[1::2]
            return min(0, *(low for low, _ in words)), max(0, *(high for _, high in words))
        case Op.AND | Op.OR | Op.NOT | Op.EQ | Op.LT:
            return 0, 1
        case Op.ADD:
            (a, b), (c, d) = srcs
            return a + c, b + d
        case Op.SUB:
            (a, b), (c, d) = srcs
            return a - d, b - c
        case Op.MUL:
            (a, b), (c, d) = srcs
            products = (a * c, a * d, b * c, b * d)
            return min(products), max(products)
        case Op.NEG:
            return -srcs[0][1], -srcs[0][0]
        case Op.ABS:
            low, high = srcs[0]
            return (0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
        case Op.MIN:
            return min(s[0] for s in srcs), min(s[1] for s in srcs)
        case Op.MAX:
            return max(s[0] for s in srcs), max(s[1] for s in srcs)
        case Op.SHL:
            return srcs[0][0] << node.value, srcs[0][1] << node.value
        case Op.SHR:
            return srcs[0][0] >> node.value, srcs[0][1] >> node.value
        case Op.CAT:
            return 0, (1 << sum(bits_for(*s) for s in srcs)) - 1
        case Op.DELAY | Op.STAGE:
            return srcs[0]
    raise InternalError(f"{node.op} {node.name!r} must declare its range")
