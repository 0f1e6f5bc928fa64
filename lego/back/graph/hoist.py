"""Registers in front of multiplexers, where many values are chosen from few."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lego.back.graph.builder import Builder
from lego.ir.dag import Op

__all__ = ["delayed"]


def delayed(
    b: Builder, values: Sequence[int], bits: int, *, hoist: bool, after: Callable[[int], int]
) -> dict[int, int]:
    """Each value of so many bits a cycle later; with `hoist` by registers in front of the multiplexers that
    choose it, if that takes half as many bits of registers: those of `after`, which gives a node a cycle
    later.
    """
    if not hoist or not _fewer_before(b, values, bits):
        return {value: b.delay(value, 1) for value in values}
    done: dict[int, int] = {}
    return {value: _later(b, value, done, after) for value in values}


def _fewer_before(b: Builder, values: Sequence[int], bits: int) -> bool:
    seen = set(values)
    left, ends, selects = list(seen), 0, set()
    while left:
        node = b.nodes[left.pop()]
        if node.op is Op.MUX:
            selects.add(node.srcs[0])
            new = set(node.srcs[1:]) - seen
            seen |= new
            left += new
        else:
            ends += 1
    return 2 * (ends * bits + len(selects)) <= len(set(values)) * bits


def _later(b: Builder, node: int, done: dict[int, int], after: Callable[[int], int]) -> int:
    """The node a cycle later; the dataflow id stands still while the array runs."""
    if node not in done:
        match b.nodes[node].op:
            case Op.MUX:
                select, yes, no = b.nodes[node].srcs
                select = select if _is_steady(b, select) else after(select)
                yes, no = (_later(b, each, done, after) for each in (yes, no))
                done[node] = b.mux(select, yes, no)
            case Op.CONST:
                done[node] = node
            case _:
                done[node] = after(node)
    return done[node]


def _is_steady(b: Builder, select: int) -> bool:
    node = b.nodes[select]
    return node.op is Op.SLICE and b.nodes[node.srcs[0]].name == "dataflow"
