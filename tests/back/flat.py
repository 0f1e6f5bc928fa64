"""Modules with all that they hold put into them, for what knows no instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lego.ir.dag import Module, Node, Op


def flat(module: Module, others: Iterable[Module]) -> Module:
    """One module that does the same; inner ports become wires."""
    known = {other.name: other for other in others}
    nodes: list[Node] = []
    outputs = _put(nodes, known, module, None)
    return replace(module, nodes=tuple(nodes), outputs=tuple(outputs.items()))


def _put(
    nodes: list[Node],
    known: Mapping[str, Module],
    module: Module,
    given: Mapping[str, int] | None,
) -> dict[str, int]:
    """Append a module's nodes; `given` are the sources of its inputs. Returns its outputs."""
    first = len(nodes)
    nodes += [n.reading(tuple(first + s for s in n.srcs)) for n in module.nodes]
    inner: dict[int, dict[str, int]] = {}
    for i, node in enumerate(module.nodes):
        low, high = node.range
        if node.op is Op.INPUT and given is not None:
            nodes[first + i] = Node(Op.WIRE, (given[node.name],), low, high)
        elif node.op is Op.INSTANCE:
            sources = dict(zip(node.ports, (first + s for s in node.srcs), strict=True))
            nodes[first + i] = Node(Op.CONST, (), 0, 0)
            inner[i] = _put(nodes, known, known[node.text], sources)
        elif node.op is Op.PORT:
            nodes[first + i] = Node(Op.WIRE, (inner[node.srcs[0]][node.text],), low, high)
    return {name: first + node for name, node in module.outputs}
