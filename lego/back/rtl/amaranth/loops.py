"""Combinational loops of a module."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from lego.ir.dag import Module, Op

__all__ = ["may_loop"]

_CUT = frozenset((Op.DELAY, Op.REG, Op.MEMORY, Op.INSTANCE))
"""Primitives whose value doesn't follow their sources within a cycle, or not inside this module."""


def may_loop(module: Module) -> bool:
    """Whether a primitive reads itself through others that hold no state.

    True may be wrong: the paths may be of different bits.
    """
    nodes = module.nodes
    if all(max(node.srcs, default=-1) < i for i, node in enumerate(nodes) if node.op not in _CUT):
        return False
    reads = {i: node.srcs for i, node in enumerate(nodes) if node.op not in _CUT}
    try:
        TopologicalSorter(reads).prepare()
    except CycleError:
        return True
    return False
