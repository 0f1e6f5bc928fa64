"""What every graph of primitives satisfies, whatever pass made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lego.ir.dag import Dag, Module, Node, Op, bits_for

__all__ = ["dag_faults"]

CATEGORIES = ("fu", "interconnect", "memory", "control")


def dag_faults(dag: Dag) -> Iterator[str]:
    """Broken rules: sources come first, ranges are known, and instances fit their modules."""
    if not dag.modules:
        yield "the graph has no module"
    known: dict[str, _Child] = {}
    for module in dag.modules:
        if module.name in known:
            yield f"two modules are called {module.name}"
        if module.category not in CATEGORIES:
            yield f"{module.name} is of no category {module.category!r}"
        for i, node in enumerate(module.nodes):
            for fault in _node_faults(module, i, node, known):
                yield f"%{i} of {module.name} {fault}"
        for fault in _port_faults(module):
            yield f"{module.name} {fault}"
        known[module.name] = _Child.of(module)


@dataclass(frozen=True, slots=True)
class _Child:
    """What a module is to those that hold it: the bits of its inputs, the ranges of its outputs."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, tuple[int, int]]

    @staticmethod
    def of(module: Module) -> _Child:
        """What it is of a module without faults."""
        return _Child(
            {node.name: node.bits for node in module.nodes if node.op is Op.INPUT},
            {name: module.nodes[source].range for name, source in module.outputs},
        )


def _node_faults(module: Module, at: int, node: Node, known: Mapping[str, _Child]) -> Iterator[str]:
    late = node.op in (Op.REG, Op.WIRE)
    if node.srcs and max(node.srcs) >= (len(module.nodes) if late else at):
        yield "reads what comes later"
    if node.srcs and min(node.srcs) < 0:
        yield "reads what there isn't"
    if node.low is None or node.high is None:
        yield "has no range"
    elif node.low > node.high:
        yield f"is in the empty range {node.low}..{node.high}"
    least, most = _SOURCES[node.op]
    if not least <= len(node.srcs) <= most or (node.op is Op.ONEHOT and len(node.srcs) % 2):
        yield f"has {len(node.srcs)} sources: {node}"
    yield from _source_faults(module, node)
    if node.op in _PARAMETERS or node.latency < 0:
        yield from _parameter_faults(node)
    elif node.op is Op.INSTANCE:
        yield from _instance_faults(module, node, known)
    elif node.op is Op.PORT:
        yield from _read_faults(module, at, node, known)


MANY = 1 << 62
_SOURCES = {
    **dict.fromkeys((Op.CONST, Op.INPUT), (0, 0)),
    **dict.fromkeys((Op.ADD, Op.SUB, Op.MUL, Op.MIN, Op.MAX, Op.EQ, Op.LT, Op.CHECK), (2, 2)),
    **dict.fromkeys((Op.NEG, Op.ABS, Op.STAGE, Op.SHL, Op.SHR, Op.NOT, Op.SLICE), (1, 1)),
    **dict.fromkeys((Op.WRAP, Op.WIRE, Op.PORT), (1, 1)),
    **dict.fromkeys((Op.AND, Op.OR, Op.CAT), (1, MANY)),
    **dict.fromkeys((Op.DELAY, Op.REG), (1, 2)),
    Op.MUX: (3, 3),
    Op.ONEHOT: (2, MANY),
    Op.MEMORY: (5, 5),
    Op.INSTANCE: (0, MANY),
}
"""Least and most sources of every primitive."""

_BITS = {
    **dict.fromkeys((Op.NOT, Op.AND, Op.OR, Op.CHECK), slice(None)),
    **dict.fromkeys((Op.DELAY, Op.REG), slice(1, 2)),
    Op.MUX: slice(1),
    Op.ONEHOT: slice(0, None, 2),
    Op.MEMORY: slice(1, 2),
}
"""Which sources of a primitive are single bits."""


_PARAMETERS = (Op.CONST, Op.REG, Op.DELAY, Op.SHL, Op.SHR, Op.SLICE, Op.MEMORY)
"""Primitives with an integer parameter."""


def _source_faults(module: Module, node: Node) -> Iterator[str]:
    """What has no value isn't read, and bits are read where bits are meant."""
    for source in node.srcs:
        mute = module.nodes[source].op
        if mute is Op.CHECK or (mute is Op.INSTANCE) != (node.op is Op.PORT):
            yield f"reads %{source}, the {mute}"
    if node.op in _BITS:
        for source in node.srcs[_BITS[node.op]]:
            low, high = module.nodes[source].low, module.nodes[source].high
            if low is None or high is None or low < 0 or high > 1:
                yield f"needs one bit where it reads %{source}"
    if node.op is Op.MEMORY:
        low, high = module.nodes[node.srcs[-1]].range
        if low < 0 or high >= 1 << node.lanes:
            yield f"needs {node.lanes} bits where it reads %{node.srcs[-1]}"


def _parameter_faults(node: Node) -> Iterator[str]:
    low, high = node.range
    if node.latency < 0:
        yield f"has a latency of {node.latency}"
    if node.op is Op.CONST and not low <= node.value <= high:
        yield f"has the value {node.value} outside its range {low}..{high}"
    if node.op is Op.REG and bits_for(min(low, node.value), max(high, node.value)) > node.bits:
        yield f"is reset to {node.value}, which doesn't fit its {node.bits} bits"
    if node.op in (Op.DELAY, Op.SHL, Op.SHR, Op.SLICE) and node.value < 0:
        yield f"has the parameter {node.value}"
    if node.op is Op.DELAY and len(node.srcs) > 1 and node.value != 1:
        yield f"holds a value and is of {node.value} cycles"
    if node.op in (Op.SLICE, Op.MEMORY) and node.extent < 1:
        yield f"has the extent {node.extent}"
    if node.op is Op.MEMORY and (
        node.value < 0 or node.bits != node.lanes * (node.value or node.bits)
    ):
        yield f"has words of {node.bits} bits, no lanes of {node.value}"


def _instance_faults(module: Module, node: Node, known: Mapping[str, _Child]) -> Iterator[str]:
    """An instance connects every input of its module, at its width."""
    if node.text not in known:
        yield f"is an instance of {node.text}, which isn't defined before {module.name}"
    wanted = known[node.text].inputs
    if sorted(wanted) != sorted(node.ports) or len(node.ports) != len(node.srcs):
        yield f"connects {node.text} by other ports than it has"
    for port, source in zip(node.ports, node.srcs, strict=True):
        if module.nodes[source].bits != wanted[port]:
            yield f"connects {node.text}.{port} by another width"


def _read_faults(module: Module, at: int, node: Node, known: Mapping[str, _Child]) -> Iterator[str]:
    """Ports of an instance stand behind it, in a row, where what emits the instance looks for them."""
    (holder,) = node.srcs
    child = module.nodes[holder].text
    if known[child].outputs.get(node.text) != node.range:
        yield f"reads port {node.text} of {child}"
    before = module.nodes[at - 1]
    if at - 1 != holder and (before.op, before.srcs) != (node.op, node.srcs):
        yield f"is a port of %{holder} and stands apart from it"


def _port_faults(module: Module) -> Iterator[str]:
    """Names of ports and instances differ, outputs are driven, and a contract is about ports."""
    inputs = [node.name for node in module.nodes if node.op is Op.INPUT]
    outputs = [name for name, _ in module.outputs]
    cells = [node.name for node in module.nodes if node.op is Op.INSTANCE]
    for kind, names in (("ports", [*inputs, *outputs]), ("instances", cells)):
        if len(set(names)) != len(names):
            yield f"has two {kind} of one name of {', '.join(names)}"
    for name, source in module.outputs:
        if not 0 <= source < len(module.nodes) or module.nodes[source].low is None:
            yield f"drives its output {name} by %{source}, which has no value"
    if module.contract is not None:
        lost = dict(module.contract.inputs).keys() - set(inputs)
        lost |= dict(module.contract.outputs).keys() - set(outputs)
        for name in sorted(lost):
            yield f"has a contract on the port {name}, which it doesn't have"
