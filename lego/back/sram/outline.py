"""Memories within modules as instances of modules of their own, which may be SRAMs then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lego.back.sram.model import sram_model
from lego.ir.dag import Dag, Module, Node, Op

__all__ = ["outlined"]

_MODEL = frozenset({Op.INPUT, Op.MEMORY, Op.MUX, Op.CONST})
"""What the model of an SRAM consists of."""


def outlined(dag: Dag) -> Dag:
    """The same design, in which no module holds a memory beside other primitives."""
    return Dag(tuple(made for module in dag.modules for made in _parts(module)))


def _parts(module: Module) -> Iterator[Module]:
    """The SRAMs of a module, then itself with instances of them."""
    memories = [i for i, node in enumerate(module.nodes) if node.op is Op.MEMORY]
    if not memories or all(node.op in _MODEL for node in module.nodes):
        yield module
        return
    models = {}
    for count, i in enumerate(memories):
        node = module.nodes[i]
        name = f"{module.name}_ram{count}"
        models[i] = sram_model(name, node.extent, node.bits, node.lanes)
        yield models[i]
    yield _with_instances(module, models)


def _with_instances(module: Module, models: dict[int, Module]) -> Module:
    """The module whose memories are instances; each takes a place more, since its output is a node."""
    place, shift = [], 0
    for i in range(len(module.nodes)):
        shift += i in models
        place.append(i + shift)
    nodes: list[Node] = []
    for i, node in enumerate(module.nodes):
        moved = node.reading(tuple(place[s] for s in node.srcs))
        nodes += _instance(moved, models[i], len(nodes)) if i in models else [moved]
    outputs = tuple((name, place[i]) for name, i in module.outputs)
    return replace(module, nodes=tuple(nodes), outputs=outputs)


def _instance(memory: Node, model: Module, at: int) -> list[Node]:
    """The instance of a memory's model, and its output."""
    raddr, ren, waddr, wdata, wen = memory.srcs
    given = {"raddr": raddr, "ren": ren, "waddr": waddr, "wdata": wdata, "wen": wen, "wmask": wen}
    ports = tuple(node.name for node in model.nodes if node.op is Op.INPUT)
    cell = Node(
        Op.INSTANCE,
        tuple(given[port] for port in ports),
        0,
        0,
        name=model.name.rsplit("_", 1)[1],
        text=model.name,
        ports=ports,
        origin=memory.origin,
    )
    out = Node(Op.PORT, (at,), *memory.range, name=f"{cell.name}_rdata", text="rdata")
    return [cell, out]
