"""Under which dataflows the value of each primitive can matter.

A set of dataflows is an integer: bit d stands for dataflow d. A branch of a multiplexer that the dataflow
id selects matters only under the dataflows that select it; a port matters where it does in some instance of
its module. The id stands still while the array runs, so data that passes registers matters where they are
read. What the host writes and what control remembers (registers with a reset, memories) matters always.
"""

from __future__ import annotations

from collections.abc import Mapping

from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["every", "selected", "usage", "usage_within"]

Masks = list[int]


def every(dag: Dag) -> int:
    """The set of all values that the dataflow id can have."""
    found = [n.range[1] for m in dag.modules for n in m.nodes if _is_id(n)]
    return (2 << max(found, default=0)) - 1


def usage(dag: Dag) -> dict[str, Masks]:
    """Per module, the set of dataflows under which each node's value matters."""
    whole = every(dag)
    ports = {(dag.top.name, name): whole for name, _ in dag.top.outputs}
    readers = {module.name: _Usage(module, whole) for module in dag.modules}
    holders: dict[str, list[str]] = {}
    for module in dag.modules:
        for child in dict.fromkeys(n.text for n in module.nodes if n.op is Op.INSTANCE):
            holders.setdefault(child, []).append(module.name)
    order = [module.name for module in reversed(dag.modules)]
    waiting = set(order)
    while waiting:  # sets only grow, so this ends
        for name in order:
            if name in waiting:
                waiting.discard(name)
                readers[name].read(ports)
                for key in readers[name].give(ports):
                    waiting.update(holders.get(name, ()) if key[0] == name else (key[0],))
    return {module.name: readers[module.name].masks for module in dag.modules}


def usage_within(module: Module, whole: int) -> Masks:
    """The same for one module, if all of its outputs, and what it gives instances, matter always."""
    ports = {(node.text, port): whole for node in module.nodes for port in node.ports}
    reader = _Usage(module, whole)
    reader.read(ports | {(module.name, name): whole for name, _ in module.outputs})
    return reader.masks


def selected(module: Module, select: int, whole: int) -> tuple[int, int] | None:
    """The dataflows under which a multiplexer with this select takes its first and its second value;
    None if it isn't a bit of the dataflow id."""
    node = module.nodes[select]
    if node.op is not Op.SLICE or node.extent != 1 or not _is_id(module.nodes[node.srcs[0]]):
        return None
    first = sum(1 << d for d in range(whole.bit_length()) if d >> node.value & 1)
    return first, whole & ~first


def _is_id(node: Node) -> bool:
    return node.op is Op.INPUT and node.name == "dataflow"


class _Usage:
    """One module, and what is known of its nodes so far."""

    def __init__(self, module: Module, whole: int) -> None:
        self.module = module
        self.masks = [0] * len(module.nodes)
        self.splits = {
            i: found
            for i, node in enumerate(module.nodes)
            if node.op is Op.MUX and (found := selected(module, node.srcs[0], whole)) is not None
        }
        self.always = [whole if _remembers(node) else 0 for node in module.nodes]
        self.loops = any(node.op in (Op.REG, Op.WIRE) for node in module.nodes)
        self.ports = [
            (i, (module.nodes[node.srcs[0]].text, node.text))
            if node.op is Op.PORT
            else (i, (module.name, node.name))
            for i, node in enumerate(module.nodes)
            if node.op in (Op.PORT, Op.INPUT)
        ]

    def read(self, ports: Mapping[tuple[str, str], int]) -> None:
        """Go backwards from the outputs and from what instances read; again while a loop adds."""
        masks, nodes = self.masks, self.module.nodes
        for name, node in self.module.outputs:
            masks[node] |= ports.get((self.module.name, name), 0)
        again = True
        while again:
            before = list(masks) if self.loops else masks
            for i in range(len(nodes) - 1, -1, -1):
                self._spread(i, nodes[i], ports)
            again = before != masks

    def _spread(self, at: int, node: Node, ports: Mapping[tuple[str, str], int]) -> None:
        """What the sources of a node matter for."""
        masks, mine = self.masks, self.masks[at]
        if node.op is Op.INSTANCE:
            for port, source in zip(node.ports, node.srcs, strict=True):
                masks[source] |= ports.get((node.text, port), 0)
        elif at in self.splits:
            first, second = self.splits[at]
            masks[node.srcs[0]] |= mine
            masks[node.srcs[1]] |= mine & first
            masks[node.srcs[2]] |= mine & second
        elif node.op is not Op.PORT:
            mine |= self.always[at]
            if mine:
                for source in node.srcs:
                    masks[source] |= mine

    def give(self, ports: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
        """Note where this module's own inputs matter, and the outputs of its instances; returns those
        that matter more often than was known."""
        grown = []
        for i, key in self.ports:
            known = ports.get(key, 0)
            if self.masks[i] & ~known:
                ports[key] = known | self.masks[i]
                grown.append(key)
        return grown


def _remembers(node: Node) -> bool:
    """Whether what the primitive is given matters always."""
    return node.op in (Op.MEMORY, Op.CHECK) or (node.op in (Op.REG, Op.DELAY) and node.resets)
