"""Under which dataflows the value of each primitive can matter.

A set of dataflows is an integer: bit d stands for dataflow d. A branch of a multiplexer that the dataflow
id selects matters only under the dataflows that select it; a port matters where it does in some instance of its module.
The id stands still while the array runs, so data that passes registers matters where they are read. What the host
writes and what control remembers (registers with a reset, memories) matters always.
"""

from __future__ import annotations

from collections.abc import Mapping

from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["every", "selected", "usage", "usage_within"]

Masks = list[int]
ROUNDS = 16
"""Most rounds through the hierarchy; what isn't settled then is taken to matter always."""


def every(dag: Dag) -> int:
    """The set of all values that the dataflow id can have."""
    found = [n.range[1] for m in dag.modules for n in m.nodes if _is_id(n)]
    return (2 << max(found, default=0)) - 1


def usage(dag: Dag) -> dict[str, Masks]:
    """Per module, the set of dataflows under which each node's value matters."""
    known = {module.name: module for module in dag.modules}
    whole = every(dag)
    ports: dict[tuple[str, str], int] = {}
    found: dict[str, Masks] = {}
    for _ in range(ROUNDS):
        before = dict(ports)
        for module in reversed(dag.modules):
            outputs = {
                name: whole if module is dag.top else ports.get((module.name, name), 0)
                for name, _ in module.outputs
            }
            found[module.name] = _masks(module, outputs, ports, whole)
            _give(module, found[module.name], ports)
        if ports == before:
            return found
    return {name: [whole] * len(known[name].nodes) for name in known}


def usage_within(module: Module, whole: int) -> Masks:
    """The same for one module, if all of its outputs, and what it gives instances, matter always."""
    ports = {(node.text, port): whole for node in module.nodes for port in node.ports}
    return _masks(module, {name: whole for name, _ in module.outputs}, ports, whole)


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


def _masks(
    module: Module, outputs: Mapping[str, int], ports: Mapping[tuple[str, str], int], whole: int
) -> Masks:
    """Backwards from the outputs and what instances read; again while a loop through registers adds."""
    masks = [0] * len(module.nodes)
    for name, node in module.outputs:
        masks[node] |= outputs[name]
    while True:
        before = list(masks)
        for i in range(len(module.nodes) - 1, -1, -1):
            _spread(module, i, masks, ports, whole)
        if masks == before:
            return masks


def _spread(
    module: Module, at: int, masks: Masks, ports: Mapping[tuple[str, str], int], whole: int
) -> None:
    """What the sources of a node matter for."""
    node, mine = module.nodes[at], masks[at]
    match node.op:
        case Op.INSTANCE:
            for port, source in zip(node.ports, node.srcs, strict=True):
                masks[source] |= ports.get((node.text, port), 0)
            return
        case Op.MEMORY | Op.CHECK:
            mine = whole
        case Op.REG | Op.DELAY if node.resets:
            mine = whole
        case Op.MUX:
            found = selected(module, node.srcs[0], whole)
            if found is not None:
                masks[node.srcs[0]] |= mine
                masks[node.srcs[1]] |= mine & found[0]
                masks[node.srcs[2]] |= mine & found[1]
                return
        case Op.PORT:
            return
    for source in node.srcs:
        masks[source] |= mine


def _give(module: Module, masks: Masks, ports: dict[tuple[str, str], int]) -> None:
    """Note where this module's own inputs matter, and the outputs of its instances."""
    for i, node in enumerate(module.nodes):
        if node.op is Op.INPUT:
            key = module.name, node.name
        elif node.op is Op.PORT:
            key = module.nodes[node.srcs[0]].text, node.text
        else:
            continue
        ports[key] = ports.get(key, 0) | masks[i]
