"""Modules without what no output depends on."""

from __future__ import annotations

from dataclasses import replace

from lego.ir.dag import Module, Op

__all__ = ["prune", "remove_dead_nodes"]


_ROOTS = [Op.INSTANCE, Op.INPUT, Op.CHECK]


def remove_dead_nodes(module: Module) -> Module:
    """Return `module` without dead nodes and unread input ports; ids are dense again.

    Run before a module is instantiated. Instances stay: what they hold may have effects.
    """
    return _keep(module, [Op.INSTANCE, Op.PORT, Op.CHECK])


def prune(module: Module) -> Module:
    """Return `module` without dead nodes; it keeps its input ports."""
    return _keep(module, _ROOTS)


def _keep(module: Module, roots: list[Op]) -> Module:
    """The module with only what its outputs and the nodes of these kinds depend on."""
    live: set[int] = set()
    stack = [node for _, node in module.outputs]
    stack += [i for i, node in enumerate(module.nodes) if node.op in roots]
    while stack:
        node = stack.pop()
        if node not in live:
            live.add(node)
            stack.extend(module.nodes[node].srcs)
    if len(live) == len(module.nodes):
        return module
    renamed = {old: new for new, old in enumerate(sorted(live))}
    nodes = tuple(
        module.nodes[old].reading(tuple(renamed[s] for s in module.nodes[old].srcs))
        for old in sorted(live)
    )
    outputs = tuple((name, renamed[node]) for name, node in module.outputs)
    return replace(module, nodes=nodes, outputs=outputs)
