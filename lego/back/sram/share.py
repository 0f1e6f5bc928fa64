"""One module per shape: memories and designs of equal shapes hold the same SRAM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lego.back.sram.model import sram_model
from lego.ir.dag import Dag, Module, Node, Op
from lego.ir.sram import sram_name

__all__ = ["Shape", "shapes_of", "with_shared_srams"]

Shape = tuple[int, int, int]
"""Words, bits, and lanes that are written apart."""


def with_shared_srams(dag: Dag) -> Dag:
    """The design with the RAMs of its memories replaced by one module per shape."""
    shapes = dict(_rams(dag))
    names = {ram: sram_name(*shape) for ram, shape in shapes.items()}
    srams = [sram_model(sram_name(*s), *s) for s in dict.fromkeys(shapes.values())]
    others = [_renamed(module, names) for module in dag.modules if module.name not in shapes]
    return Dag((*srams, *others))


def shapes_of(dag: Dag) -> dict[str, Shape]:
    """The shape of each SRAM module of a design, in their order."""
    return dict(_rams(dag))


def _rams(dag: Dag) -> Iterator[tuple[str, Shape]]:
    for module in dag.modules:
        for node in module.nodes:
            if node.op is Op.MEMORY:
                yield module.name, (node.extent, node.bits, node.lanes)


def _renamed(module: Module, names: dict[str, str]) -> Module:
    def renamed(node: Node) -> Node:
        found = names.get(node.text) if node.op is Op.INSTANCE else None
        return replace(node, text=found) if found else node

    if not any(node.text in names for node in module.nodes if node.op is Op.INSTANCE):
        return module
    return replace(module, nodes=tuple(map(renamed, module.nodes)))
